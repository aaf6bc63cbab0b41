#!/bin/bash
# Makes the damaged copies that core/tests/salvage_damage.rs reads.
#
#   DAMAGE_TOOL=… core/tests/salvage/damage.sh FOLDER_OF_UNPACKED_SAMPLES FOLDER_FOR_COPIES SAMPLE…
#
# DAMAGE_TOOL is called as: DAMAGE_TOOL KIND SEED FOLDER COPY
set -euo pipefail
samples=$1 copies=$2
shift 2
once="trees sections cut3 shift512 trunc60 headers journals-start journals-gone all"
thrice="flip1 flip10 zero10 zero-run swap5 journals-flip"
for sample; do
  mkdir -p "$copies/$sample"
  [ -d "$copies/$sample/none-1" ] || cp -r --sparse=always "$samples/$sample" "$copies/$sample/none-1"
  for kind in $once $thrice; do
    case " $once " in *" $kind "*) seeds=1 ;; *) seeds="1 2 3" ;; esac
    for seed in $seeds; do
      copy=$copies/$sample/$kind-$seed
      [ -d "$copy" ] && continue
      "$DAMAGE_TOOL" "$kind" "$seed" "$samples/$sample" "$copy"
      find "$copy" -type f -size +1M -exec fallocate --dig-holes {} \;
    done
  done
done
