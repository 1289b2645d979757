//! The typed configuration: changes, fold, roles and rights, effects and classes
