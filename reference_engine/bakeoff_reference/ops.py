"""Every op of the catalogue as a function of tensors (arrays and numbers are constants).

>>> from bakeoff_reference import ops
>>> ops.sum(ops.ones((2, 2)), axis=1)
Tensor([2., 2.], dtype=float32)
"""

from bakeoff_reference.engine import DEFAULT

_ops = DEFAULT.ops

# creation
zeros = _ops["zeros"]
ones = _ops["ones"]
full = _ops["full"]
arange = _ops["arange"]
linspace = _ops["linspace"]
eye = _ops["eye"]
zeros_like = _ops["zeros_like"]
ones_like = _ops["ones_like"]
full_like = _ops["full_like"]
# elementwise
astype = _ops["astype"]
add = _ops["add"]
subtract = _ops["subtract"]
multiply = _ops["multiply"]
divide = _ops["divide"]
pow = _ops["pow"]
maximum = _ops["maximum"]
minimum = _ops["minimum"]
negative = _ops["negative"]
abs = _ops["abs"]
sign = _ops["sign"]
square = _ops["square"]
sqrt = _ops["sqrt"]
exp = _ops["exp"]
expm1 = _ops["expm1"]
log = _ops["log"]
log1p = _ops["log1p"]
clip = _ops["clip"]
where = _ops["where"]
# comparison
equal = _ops["equal"]
not_equal = _ops["not_equal"]
less = _ops["less"]
less_equal = _ops["less_equal"]
greater = _ops["greater"]
greater_equal = _ops["greater_equal"]
# reductions
sum = _ops["sum"]
mean = _ops["mean"]
max = _ops["max"]
min = _ops["min"]
logsumexp = _ops["logsumexp"]
argmax = _ops["argmax"]
# movement
reshape = _ops["reshape"]
permute_dims = _ops["permute_dims"]
broadcast_to = _ops["broadcast_to"]
concat = _ops["concat"]
stack = _ops["stack"]
pad = _ops["pad"]
getitem = _ops["getitem"]
take = _ops["take"]
# products
matmul = _ops["matmul"]
# neural networks
bias_add = _ops["bias_add"]
relu = _ops["relu"]
sigmoid = _ops["sigmoid"]
tanh = _ops["tanh"]
silu = _ops["silu"]
softmax = _ops["softmax"]
log_softmax = _ops["log_softmax"]
dropout = _ops["dropout"]
conv1d = _ops["conv1d"]
conv2d = _ops["conv2d"]
conv3d = _ops["conv3d"]
conv_transpose1d = _ops["conv_transpose1d"]
conv_transpose2d = _ops["conv_transpose2d"]
conv_transpose3d = _ops["conv_transpose3d"]
max_pool2d = _ops["max_pool2d"]
avg_pool2d = _ops["avg_pool2d"]
one_hot = _ops["one_hot"]
sigmoid_cross_entropy_with_logits = _ops["sigmoid_cross_entropy_with_logits"]
softmax_cross_entropy_with_logits = _ops["softmax_cross_entropy_with_logits"]
sparse_softmax_cross_entropy_with_logits = _ops["sparse_softmax_cross_entropy_with_logits"]
squared_error = _ops["squared_error"]
