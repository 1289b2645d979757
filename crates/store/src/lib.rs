//! All SQL and all files: rows, packs, activity and trace segments
