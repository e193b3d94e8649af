//! Tells the program where it finds the interpreter that it was linked to.

fn main() {
    #[cfg(feature = "embed")]
    pyo3_build_config::add_libpython_rpath_link_args();
}
