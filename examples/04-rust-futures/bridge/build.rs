//! Puts the type stub where maturin can take it from, for the wheel of whoever uses the crate.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=pyo3_await.pyi");
    let folder = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::copy("pyo3_await.pyi", Path::new(&folder).join("__init__.pyi")).expect("can be copied");
}
