#!/usr/bin/env bash
# Wheels that a bare GPU machine lacks, and the lengths of the stories. Run it where the package index can be reached, then
# take the folders bundle/core and bundle/quant (under 55 MiB each, ignored by git) to the machine with the working tree.
#
#   benchmarks/gpu/bundle.sh                  # both; VN_REAL_DATA=FOLDER: lengths of real stories, else made up
#   WANDB=0 benchmarks/gpu/bundle.sh core     # without wandb, which is 20 MB and which check.py does not need
#   PYTHON=python3.12 ...                     # has torch and what vn needs: writes the lengths, and builds wheels
#
# The machine: x86-64, Linux, Python 3.12, torch 2.11 with CUDA 13.0, transformers 5.17, lightning 2.6.6, peft, and what
# those need; no network. Versions are pinned, so that the same files come out each time.
set -euo pipefail
cd "$(dirname "$0")"
PYTHON="${PYTHON:-python3}"
LIMIT=$((55 << 20))

CORE=(
  jsonargparse==4.53.0 docstring_parser==0.18.0 typeshed_client==2.15.0
  webdataset==1.0.2 braceexpand==0.1.7 gguf==0.19.0
  hjson==3.1.0 pydantic==2.14.4 pydantic_core==2.50.5 annotated_types==0.8.0 typing_inspection==0.4.5
)
BUILT=(deepspeed==0.19.8 jieba==0.42.1) # the index has no wheels of these
WITH_WANDB=(
  wandb==0.31.0 cwevals==0.0.1b1 platformdirs==4.14.8 googleapis_common_protos==1.76.0 opentelemetry_api==1.45.2
  opentelemetry_sdk==1.45.2 opentelemetry_proto==1.45.2 opentelemetry_semantic_conventions==0.66b2
  opentelemetry_exporter_http_transport==0.66b2 opentelemetry_exporter_otlp_common==0.66b2
  opentelemetry_exporter_otlp_proto_common==1.45.2 opentelemetry_exporter_otlp_proto_http==1.45.2
)
QUANT=(bitsandbytes==0.50.2)

export PIP_CONSTRAINT= SOURCE_DATE_EPOCH=1700000000

download() { # FOLDER NAME==VERSION ...
  local folder="$1" platforms=() glibc
  shift
  for glibc in 2_17 2_24 2_27 2_28 2_31 2_34 2_35; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
  "$PYTHON" -m pip download -q --no-deps --only-binary=:all: --implementation cp --python-version 3.12 \
    "${platforms[@]}" --platform manylinux2014_x86_64 --platform manylinux1_x86_64 -d "$folder" "$@"
}

check() { # FOLDER
  local size
  size=$(du -sb "$1" | cut -f1)
  [ "$size" -lt "$LIMIT" ] || { echo "$1 has $size bytes, more than $LIMIT" >&2; exit 1; }
  echo "bundle/$(basename "$1"): $(ls "$1" | wc -l) files, $((size >> 20)) MiB"
}

core() {
  local folder="$PWD/bundle/core"
  rm -rf "$folder" && mkdir -p "$folder"
  download "$folder" "${CORE[@]}"
  [ "${WANDB:-1}" = 0 ] || download "$folder" "${WITH_WANDB[@]}"
  # Built in an environment of their own: deepspeed's set-up wants a CUDA compiler if it finds torch.
  "$PYTHON" -m pip wheel -q --no-deps --use-pep517 --no-binary deepspeed,jieba -w "$folder" "${BUILT[@]}"
  "$PYTHON" material.py "$folder/lengths.json"
  check "$folder"
}

quant() {
  local folder="$PWD/bundle/quant"
  rm -rf "$folder" && mkdir -p "$folder"
  download "$folder" "${QUANT[@]}"
  "$PYTHON" thin_wheel.py "$folder"/bitsandbytes-*.whl --keep 'libbitsandbytes_(cpu|cuda130)\.so'
  check "$folder"
}

for part in "${@:-core quant}"; do
  for each in $part; do
    case "$each" in
      core | quant) "$each" ;;
      *) echo "no such part: $each; there are core and quant" >&2; exit 2 ;;
    esac
  done
done
