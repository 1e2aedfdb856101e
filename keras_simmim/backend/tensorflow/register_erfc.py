import numpy as np


def register_erfc() -> None:
    """Teaches tf2onnx an operation that it lacks (1.17.0): TensorFlow makes exact GELU of it."""
    from tf2onnx.handler import tf_op

    tf_op("Erfc")(_Erfc)


class _Erfc:
    @classmethod
    def version_9(cls, context, node, **kwargs):
        (x,), (y,) = node.input, node.output
        one = context.make_const(f"{node.name}_one", np.array(1, "float32")).output[0]
        erf = context.make_node("Erf", [x]).output[0]
        context.remove_node(node.name)
        context.make_node("Sub", [one, erf], outputs=[y], name=node.name)
