//! How fast a topic is read again.

use std::fmt;

use crate::base::error::{Error, Result};

/// What a speed may be, but for `max`.
const RANGE: std::ops::RangeInclusive<f64> = 0.001..=1_000.0;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as it goes.
    Max,
    /// So many times as fast as the events happened: 1 keeps the gaps, 10 divides them by ten.
    Times(f64),
}

impl Speed {
    /// Reads `max`, `1x` or `10x`.
    ///
    /// # Errors
    /// [`Error::Usage`] with what was expected.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse().ok());
        times.filter(|times| RANGE.contains(times)).map(Self::Times).ok_or_else(|| {
            Error::usage(format!(
                "--speed: {text:?} is not a speed; expected max, 1x or 10x, from {}x to {}x",
                RANGE.start(),
                RANGE.end()
            ))
        })
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Times(times) => write!(f, "{times}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_what_it_is_called() {
        for (text, speed) in [
            ("max", Speed::Max),
            ("1x", Speed::Times(1.0)),
            ("10x", Speed::Times(10.0)),
            ("0.5x", Speed::Times(0.5)),
        ] {
            assert_eq!(Speed::parse(text).unwrap(), speed);
            assert_eq!(speed.to_string(), text);
        }
        for text in ["", "x", "10", "-1x", "0x", "NaNx", "infx", "1001x", "fast"] {
            let error = Speed::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--speed: {text:?} is not a speed")), "{error}");
        }
    }
}
