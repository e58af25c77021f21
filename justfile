# What people want most often; `just` alone lists it.

_default:
    @just --list

# Mine regtest blocks on your own machine, right now
demo *arguments:
    cargo run --release -- demo {{arguments}}

# Everything that must pass, or the tests whose names contain one of `filters`
test *filters:
    ./tests/run {{filters}}

# Micro-benchmarks of judging a share
bench:
    cargo bench -p work

# Punchbowl and SRI's pool_sv2 side by side on this machine
compare *arguments:
    ./tests/compare {{arguments}}

# Put the code into shape
fmt:
    cargo fmt --all
