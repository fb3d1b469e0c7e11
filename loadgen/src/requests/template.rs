//! Text with holes: `{{unique}}`, `{{key}}` and `{{random}}`. Each is filled with as many
//! characters every time, so the length of a request is known before.

/// Text with holes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Hole(Hole),
}

/// What fills a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    /// 16 hexadecimal digits that no other request of the run has.
    Unique,
    /// A key of the key space, in decimal digits.
    Key,
    /// 16 random hexadecimal digits.
    Random,
}

impl Hole {
    pub(super) fn width(self, key_digits: usize) -> usize {
        match self {
            Self::Unique | Self::Random => 16,
            Self::Key => key_digits,
        }
    }
}

impl Template {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, TemplateError> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(start) = find(rest, *b"{{") {
            let inner = &rest[start + 2..];
            let end = find(inner, *b"}}").ok_or(TemplateError::Unclosed)?;
            let name = inner[..end].trim_ascii();
            let hole = match name {
                b"unique" => Hole::Unique,
                b"key" => Hole::Key,
                b"random" => Hole::Random,
                _ => return Err(TemplateError::Unknown(String::from_utf8_lossy(name).into())),
            };
            pieces.extend([Piece::Text(rest[..start].to_vec()), Piece::Hole(hole)]);
            rest = &inner[end + 2..];
        }
        pieces.push(Piece::Text(rest.to_vec()));
        Ok(Self(pieces))
    }

    /// Bytes without holes, whatever they look like.
    pub(crate) fn literal(bytes: &[u8]) -> Self {
        Self(vec![Piece::Text(bytes.to_vec())])
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Bytes that it has when filled.
    pub(super) fn length(&self, key_digits: usize) -> usize {
        let length = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Hole(hole) => hole.width(key_digits),
        };
        self.0.iter().map(length).sum()
    }

    /// With a digit in each hole: what is right of this is right of all that it stands for.
    pub(crate) fn example(&self) -> Vec<u8> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Hole(_) => b"0".to_vec(),
        };
        self.0.iter().flat_map(piece).collect()
    }
}

fn find(text: &[u8], mark: [u8; 2]) -> Option<usize> {
    text.windows(2).position(|pair| *pair == mark)
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("has a `{{{{` without `}}}}`")]
    Unclosed,
    #[error("has `{{{{{0}}}}}`, which stands for nothing: use unique, key or random")]
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found_and_text_stays_as_it_is() {
        for (text, example, length) in [
            ("", "", 0),
            ("plain", "plain", 5),
            ("{{unique}}", "0", 16),
            ("a{{ key }}b{{random}}", "a0b0", 21),
            ("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}", 15),
        ] {
            let template = Template::parse(text.as_bytes()).expect(text);
            assert_eq!(template.example(), example.as_bytes(), "{text}");
            assert_eq!(template.length(3), length, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_with_the_way_out() {
        for (text, message) in [
            ("{{unique", "has a `{{` without `}}`"),
            ("{{uuid}}", "has `{{uuid}}`, which stands for nothing: use unique, key or random"),
        ] {
            let error = Template::parse(text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), message);
        }
    }
}
