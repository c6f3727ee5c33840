"""Where figures of adoption can be asked for: public endpoints, and what their answers hold.

Each is documented by who runs it and needs no key:
GitHub REST, `GET /repos/{owner}/{repo}` (https://docs.github.com/rest/repos/repos);
PyPI Stats, `GET /packages/{package}/recent` (https://pypistats.org/api/);
Stack Exchange, `GET /tags/{tags}/info` (https://api.stackexchange.com/docs/tags-by-name);
OpenAlex, `GET /works?filter=…` (https://docs.openalex.org).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

Found = Mapping[str, float]  # toolkit → value


@dataclass(frozen=True, slots=True)
class Names:
    """What a toolkit is called elsewhere; empty where it has no place there."""

    toolkit: str
    repository: str = ""
    package: str = ""
    tag: str = ""
    phrase: str = ""


TOOLKITS = (
    Names("Aesara", "aesara-devs/aesara", "aesara"),
    Names("autograd", "HIPS/autograd", "autograd"),
    Names("Caffe", "BVLC/caffe", tag="caffe", phrase="caffe"),
    Names("Chainer", "chainer/chainer", "chainer", "chainer", "chainer"),
    Names("CNTK", "microsoft/CNTK", "cntk", "cntk", "cntk"),
    Names("DL4J", "deeplearning4j/deeplearning4j", "", "deeplearning4j", "deeplearning4j"),
    Names("DyNet", "clab/dynet", "dynet"),
    Names("fastai", "fastai/fastai", "fastai", "fast-ai", "fastai"),
    Names("JAX", "jax-ml/jax", "jax", "jax", "jax"),
    Names("Keras", "keras-team/keras", "keras", "keras", "keras"),
    Names("MindSpore", "mindspore-ai/mindspore", "mindspore", "", "mindspore"),
    Names("MLX", "ml-explore/mlx", "mlx"),
    Names("MXNet", "apache/mxnet", "mxnet", "mxnet", "mxnet"),
    Names("MyGrad", "rsokl/MyGrad", "mygrad"),
    Names("NumPy", "numpy/numpy", "numpy", "numpy"),
    Names("OneFlow", "Oneflow-Inc/oneflow", "oneflow", "", "oneflow"),
    Names("PaddlePaddle", "PaddlePaddle/Paddle", "paddlepaddle", "", "paddlepaddle"),
    Names("PyTensor", "pymc-devs/pytensor", "pytensor"),
    Names("PyTorch", "pytorch/pytorch", "torch", "pytorch", "pytorch"),
    Names("TensorFlow", "tensorflow/tensorflow", "tensorflow", "tensorflow", "tensorflow"),
    Names("Theano", "Theano/Theano", "theano", "theano", "theano"),
    Names("tinygrad", "tinygrad/tinygrad", "tinygrad"),
)


@dataclass(frozen=True, slots=True)
class Count:
    """A figure that an answer holds, for one toolkit or several."""

    measure: str
    unit: str
    values: Callable[[Any], Found]


@dataclass(frozen=True, slots=True)
class Question:
    """A path below a source's base, and the figures in its answer."""

    path: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """An endpoint: its name, base, questions, and how often it may be asked."""

    name: str
    title: str
    base: str
    questions: Callable[[], Iterator[Question]]
    limit: str


def _at(*keys: str, of: str) -> Callable[[Any], Found]:
    """Return what reads one toolkit's figure at a path of keys."""

    def values(answer: Any) -> Found:
        for key in keys:
            answer = answer[key]
        return {of: answer}

    return values


def _github() -> Iterator[Question]:
    for n in TOOLKITS:
        stars = Count("GitHub stars", "stars", _at("stargazers_count", of=n.toolkit))
        forks = Count("GitHub forks", "forks", _at("forks_count", of=n.toolkit))
        yield Question(f"/repos/{n.repository}", (stars, forks))


def _pypistats() -> Iterator[Question]:
    for n in TOOLKITS:
        if n.package:
            month = _at("data", "last_month", of=n.toolkit)
            yield Question(
                f"/packages/{n.package}/recent",
                (Count("PyPI downloads", "in a month, without mirrors", month),),
            )


def _stack_exchange() -> Iterator[Question]:
    by_tag = {n.tag: n.toolkit for n in TOOLKITS if n.tag}

    def values(answer: Any) -> Found:
        return {by_tag[i["name"]]: i["count"] for i in answer["items"] if i["name"] in by_tag}

    tags = quote(";".join(by_tag), safe=";-.")
    yield Question(
        f"/tags/{tags}/info?site=stackoverflow&pagesize=100",
        (Count("Stack Overflow questions", "questions with its tag", values),),
    )


def _openalex() -> Iterator[Question]:
    for n in TOOLKITS:
        if n.phrase:  # with more words, for some names are words: coffee, a mouse, a fish
            wanted = f'title_and_abstract.search:{n.phrase} AND "deep learning"'
            yield Question(
                "/works?" + urlencode({"filter": wanted, "per-page": 1}),
                (
                    Count(
                        "Papers",
                        'works with its name and "deep learning" in title or abstract',
                        _at("meta", "count", of=n.toolkit),
                    ),
                ),
            )


SOURCES = (
    Source("github", "GitHub", "https://api.github.com", _github, "60 questions an hour"),
    Source(
        "pypistats", "PyPI Stats", "https://pypistats.org/api", _pypistats, "30 questions a minute"
    ),
    Source(
        "stackexchange", "Stack Exchange", "https://api.stackexchange.com/2.3", _stack_exchange,
        "300 questions a day",
    ),
    Source("openalex", "OpenAlex", "https://api.openalex.org", _openalex, "a daily allowance"),
)  # fmt: skip
