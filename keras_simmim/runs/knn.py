from keras_simmim import evaluation


def knn(model, labelled, batch_size: int = 512, **options) -> float:
    """KNN accuracy of a model's features, 0...1.

    Args:
        model: a method or an encoder.
        labelled: `(train_images, train_labels, test_images, test_labels)`; the former vote.
        batch_size: images that are embedded at a time.
        **options: `k` and `temperature` of `evaluation.knn_accuracy`.
    """
    train_images, train_labels, test_images, test_labels = labelled
    return evaluation.knn_accuracy(
        evaluation.embed(model, train_images, batch_size),
        train_labels,
        evaluation.embed(model, test_images, batch_size),
        test_labels,
        **options,
    )
