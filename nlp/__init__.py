"""Text in: normalised forms, tokens, pinyin, vectors. jieba and encoders live here."""
