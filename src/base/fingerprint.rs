//! Short numbers of what was read: the same on every machine and in every version, so that they can
//! be saved and compared later.

/// FNV-1a in 64 bits (Fowler, Noll, Vo: offset basis and prime of their page): short, and the same
/// for ever.
#[derive(Debug, Clone)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    /// Adds bytes behind those before.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The number so far, as 16 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }

    /// That of one text.
    #[must_use]
    pub fn of(text: &str) -> String {
        let mut fingerprint = Self::default();
        fingerprint.add(text.as_bytes());
        fingerprint.hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of RFC draft-eastlake-fnv.
    #[test]
    fn it_is_fnv_1a() {
        let found = ["", "a", "foobar"].map(Fingerprint::of);
        assert_eq!(found, ["cbf29ce484222325", "af63dc4c8601ec8c", "85944171f73967e8"]);
    }
}
