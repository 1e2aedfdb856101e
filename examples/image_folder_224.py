"""SimMIM on a folder of your own images at 224x224, in batches of 32.

    python examples/image_folder_224.py ~/photos --epochs 20

Images may have any size and lie at any depth. No labels are needed.
"""

import argparse

import keras_simmim as ks

import keras


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=64, help="channels of the first stage")
    parser.add_argument("--output", default="image_folder.keras")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(0)
    size = (options.image_size, options.image_size)
    dataset = ks.datasets.from_folder(
        options.folder, image_size=size, batch_size=options.batch_size, labels=None
    )
    print(f"{dataset.num_images} images, {len(dataset)} batches an epoch")
    model = ks.SimMIM(
        encoder=ks.encoders.ResNet(depth=18, width=options.width, image_shape=(*size, 3)),
        # Views of large images are blurred half of the time, as in SimCLR on ImageNet.
        view_splitter=ks.views.ViewSplitter(num_views=2, blur=0.5),
        attention_head=ks.heads.AttentionHead(num_heads=4, embedding_dim=128),
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(dataset, epochs=options.epochs, shuffle=False)
    model.save(options.output)

    ordered = ks.datasets.from_folder(
        options.folder, image_size=size, batch_size=options.batch_size, shuffle=False, labels=None
    )
    features = ks.evaluation.embed(model, ordered)
    print(f"Features of {len(features)} images: {features.shape[1]} numbers each")
    return features


if __name__ == "__main__":
    main()
