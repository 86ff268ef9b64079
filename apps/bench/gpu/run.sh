#!/usr/bin/env bash
# Unpacks beside itself once, then records this machine's GPU. Options are those of `attnkit bench --record gpu`.
# With `tune` as the first argument it tunes the kernels for this GPU. Options are those of `attnkit tune`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${ATTNKIT_GPU_DIR:-$here/unpacked}
if [ ! -x "$to/node" ]; then
  mkdir -p "$to"
  tar -C "$to" -xJf "$here/modules.tar.xz"
  xz -dc "$here/node.xz" > "$to/node.part"
  chmod +x "$to/node.part"
  mv "$to/node.part" "$to/node"
fi
cp "$here/main.mjs" "$here/text.md" "$to/"
# A machine without Vulkan's loader uses the one that was packed.
if ! /sbin/ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; then
  export LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# Containers mount NVIDIA's driver description where the loader does not look.
icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && [ -f "$icd" ]; then export VK_DRIVER_FILES=$icd; fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp} ATTNKIT_CWD=$PWD ATTNKIT_TEXT=$to/text.md ATTNKIT_MODELS=$here/models PYTHONDONTWRITEBYTECODE=1
exec "$to/node" "$to/main.mjs" "$@"
