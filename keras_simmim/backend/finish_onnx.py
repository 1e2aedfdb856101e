def finish_onnx(path, half: bool) -> None:
    """Gives an ONNX file the same names whoever wrote it, and halves its weights if asked to.

    The input is "images", the output "outputs", their first axis "batch".

    Args:
        path: the `.onnx` file.
        half: whether to compute in float16, with the output still in float32.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    old, new = (graph.input[0].name, graph.output[0].name), ("images", "outputs")
    names = dict(zip(old, new, strict=True))
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        node.ClearField("metadata_props")  # where in the source it is from: paths of this machine
    for value in (graph.input[0], graph.output[0]):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    if half:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = convert_float_to_float16(model, keep_io_types=True)
    onnx.checker.check_model(model)
    onnx.save(model, path)
