//! stamp (being written)
