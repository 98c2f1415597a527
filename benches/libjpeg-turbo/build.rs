//! Compiles the two calls of libjpeg-turbo and links its shared library, from the prefix in `LIBJPEG_TURBO`: as programs
//! use it, and so that where its code lies does not hang on ours, which changes its speed by as much as 4 %.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBJPEG_TURBO");
    println!("cargo:rerun-if-changed=src/turbo.c");
    let prefix = std::env::var("LIBJPEG_TURBO").expect("LIBJPEG_TURBO: where libjpeg-turbo is installed");
    cc::Build::new().file("src/turbo.c").include(format!("{prefix}/include")).compile("turbo");
    for folder in ["lib", "lib64"] {
        println!("cargo:rustc-link-search=native={prefix}/{folder}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{prefix}/{folder}");
    }
    println!("cargo:rustc-link-lib=dylib=jpeg");
}
