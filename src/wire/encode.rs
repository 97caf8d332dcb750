//! encode (being written)
