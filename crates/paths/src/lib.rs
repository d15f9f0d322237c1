//! Algorithms on a compact directed graph. Knows nothing of Xen: a node is a number.
