"""Which of a toolkit's own functions, or graph operators, must be seen at work in training."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Witness:
    """What `watched_training` looks for.

    Attributes
    ----------
    modules
        Whose functions are the toolkit's.
    names
        Each must be the last part, or parts, of a name seen: the products, the loss, the
        gradients.
    sgd, adam
        And these, when trained by one of them.
    graph
        A function of `graphs` that lists the operators that a graph holds; empty: none.
    """

    modules: tuple[str, ...]
    names: tuple[str, ...]
    sgd: tuple[str, ...]
    adam: tuple[str, ...]
    graph: str = ""


_KERAS = ("train_on_batch", "Dense.call", "tanh", "sparse_categorical_crossentropy")

WITNESSES: dict[str, Witness] = {
    "fastai": Witness(
        ("fastai", "torch"),
        ("one_batch", "matmul", "tanh", "cross_entropy", "_backward"),
        ("sgd_step",),
        ("adam_step",),
    ),
    "tinygrad": Witness(
        ("tinygrad",),
        ("matmul", "tanh", "sparse_categorical_crossentropy", "compute_gradient", "run_linear"),
        ("schedule_step",),
        ("sqrt",),
    ),
    "paddle": Witness(
        ("paddle",), ("matmul", "tanh", "cross_entropy", "backward"), ("sgd_",), ("adam_",)
    ),
    "mindspore": Witness(
        ("mindspore",),
        ("matmul", "tanh", "cross_entropy", "_pynative_func_grad_backward"),
        ("SGD.check_dtype", "_run_jit_pipeline"),
        ("sqrt", "assign"),
    ),
    "oneflow": Witness(
        ("oneflow",),
        ("matmul", "tanh", "cross_entropy", "backward"),
        ("dispatch_sgd_update",),
        ("sqrt",),
    ),
    # of MLX's C++ functions Python's profiler sees none: its graph names them
    "mlx": Witness(
        ("mlx",),
        ("cross_entropy", "Matmul", "Tanh", "LogSumExp", "Subtract"),
        ("apply_gradients",),
        ("Sqrt",),
        graph="mlx",
    ),
    "chainer": Witness(
        ("chainer",),
        ("matmul", "tanh", "softmax_cross_entropy", "backward"),
        ("update",),
        ("update",),
    ),
    "mxnet": Witness(
        ("mxnet",), ("matmul", "tanh", "log_softmax", "pick", "backward"), ("step",), ("sqrt",)
    ),
    "mxnet-hybrid": Witness(
        ("mxnet",),
        ("_npi_matmul", "_npi_tanh", "log_softmax", "pick", "backward"),
        ("step",),
        ("sqrt",),
        graph="of_hybrid_block",
    ),
    "tensorflow": Witness(
        ("tensorflow", "keras"),
        ("mat_mul", "tanh", "sparse_softmax_cross_entropy_with_logits", "gradient"),
        ("apply_gradients",),
        ("sqrt", "assign"),
    ),
    "tensorflow-function": Witness(
        ("tensorflow", "keras"),
        ("MatMul", "Tanh", "SparseSoftmaxCrossEntropyWithLogits", "TanhGrad"),
        ("AssignSubVariableOp",),
        ("Sqrt", "AssignVariableOp"),
        graph="of_tf_function",
    ),
    "autograd": Witness(
        ("autograd",),
        ("f_wrapped", "matmul_vjp_1", "backward_pass", "unbroadcast"),
        (),
        (),
    ),
    "mygrad": Witness(
        ("mygrad",),
        ("MatMul.backward_var", "Tanh.backward_var", "LogSoftmax.__call__", "Tensor.backward"),
        ("Tensor.__sub__",),
        ("Tensor.__truediv__",),
    ),
    # On TensorFlow and JAX the first of the steps traces the layers to a graph.
    "keras-tensorflow": Witness(
        ("keras", "tensorflow"),
        (*_KERAS, "call_function"),
        ("SGD.update_step",),
        ("BaseOptimizer.apply", "sqrt"),
    ),
    "keras-torch": Witness(
        ("keras", "torch"),
        (*_KERAS, "Tensor.backward"),
        ("SGD._parallel_update_step",),
        ("BaseOptimizer.apply", "sqrt"),
    ),
    "keras-jax": Witness(
        ("keras", "jax"),
        (*_KERAS, "value_and_grad"),
        ("SGD.update_step",),
        ("BaseOptimizer.stateless_apply", "sqrt"),
    ),
    "caffe": Witness(
        ("caffe", "Boost.Python"),
        ("InnerProduct", "TanH", "SoftmaxWithLoss", "updated by Caffe"),
        (),
        (),
        graph="caffe",
    ),
    "caffe2": Witness(
        ("caffe2",),
        ("RunNet", "FetchBlob", "FCTransposed", "FCTransposedGradient", "SoftmaxWithLoss"),
        (),
        (),
        graph="caffe2",
    ),
    "cntk": Witness(
        ("cntk",),
        ("train_minibatch", "Times", "Plus", "Tanh", "CrossEntropyWithSoftmax"),
        (),
        (),
        graph="cntk",
    ),
    "dl4j": Witness(
        ("jpype", "org.nd4j"),
        ("mmul", "softmax", "tanh", "log", "gradients"),
        (),
        (),
        graph="dl4j",
    ),
    "dynet": Witness(
        ("dynet",),
        ("matmul", "pickneglogsoftmax", "tanh"),
        ("SimpleSGDTrainer",),
        ("sqrt",),
        graph="dynet",
    ),
    "tensorflow1": Witness(
        ("tensorflow", "tensorflow_core"),
        ("run", "MatMul", "SparseSoftmaxCrossEntropyWithLogits", "Tanh", "TanhGrad"),
        (),
        (),
        graph="tensorflow1",
    ),
    "aesara": Witness(
        ("aesara",),
        ("__call__", "Dot22", "CrossentropySoftmaxArgmax1HotWithBias", "Elemwise"),
        (),
        (),
        graph="theano",
    ),
    "pytensor": Witness(
        ("pytensor",),
        ("__call__", "Dot22", "LogSoftmax", "Elemwise"),
        (),
        (),
        graph="theano",
    ),
    "theano": Witness(
        ("theano",),
        ("__call__", "Dot22", "CrossentropySoftmaxArgmax1HotWithBias", "Elemwise"),
        (),
        (),
        graph="theano",
    ),
}
