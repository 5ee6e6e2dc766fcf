#!/usr/bin/env bash
# Installs dance-edge on a Jetson TX2 with JetPack 4.6 (L4T R32.7, Ubuntu 18.04, Python 3.6), in an environment of its own that sees
# JetPack's OpenCV (with GStreamer) and TensorRT. Run it again whenever you like: what is there stays.
# Not yet run on hardware: see VERIFICATION.md.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: jetson/install.sh [--dry-run] [--venv DIR] [--torch FILE.whl] [--python PYTHON]

  --dry-run         check everything, say what would be done, change nothing
  --venv DIR        where the environment goes (default: .venv-board beside this project's setup.py)
  --torch FILE.whl  NVIDIA's PyTorch wheel for JetPack 4.6 (1.10, cp36, aarch64): adds what adapt, eval and export need.
                    Without it the board only serves and benches an exported model.
  --python PYTHON   JetPack's Python 3.6 (default: python3.6)

Ends with 0 where all is well, 2 for a wrong option, 6 where the board lacks something.
TEXT
}

die() {   # die CODE MESSAGE HINT
  printf 'error: %s\nhint:  %s\n' "$2" "$3" >&2
  exit "$1"
}

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dry_run=no venv=$project/.venv-board torch_wheel='' python=python3.6
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry_run=yes ;;
    --venv | --torch | --python)
      [ $# -gt 1 ] || die 2 "$1 wants a value" "see: jetson/install.sh --help"
      case $1 in --venv) venv=$2 ;; --torch) torch_wheel=$2 ;; --python) python=$2 ;; esac
      shift ;;
    -h | --help) usage; exit 0 ;;
    *) die 2 "there is no option $1" "see: jetson/install.sh --help" ;;
  esac
  shift
done

# numpy 1.19.5's OpenBLAS does not know the TX2's cores and dies with "Illegal instruction" without this.
export OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-ARMV8}
# Python 3.6 reads a plain "C" locale as ASCII.
export LC_ALL=${LC_ALL:-C.UTF-8}

lacks=0
found() { printf 'found:   %s\n' "$1"; }
lacking() {   # lacking WHAT HINT
  printf 'lacking: %s\n         %s\n' "$1" "$2"
  lacks=$((lacks + 1))
}

check_l4t() {
  local release_file=${L4T_RELEASE_FILE:-/etc/nv_tegra_release} release=''
  if [ -r "$release_file" ]; then
    release=$(sed -n 's/^# R\([0-9]*\) (release), REVISION: \([0-9.]*\).*/\1.\2/p' "$release_file" | head -n 1)
  fi
  case $release in
    32.7.*) found "L4T R$release" ;;
    '') lacking "L4T ($release_file)" "this is no Jetson: on a PC take make venv" ;;
    *) lacking "L4T R32.7, this is R$release" "flash JetPack 4.6, the last for a TX2" ;;
  esac
}

check_python() {
  local version
  version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || version=''
  case $version in
    3.6.*) found "Python $version ($python)" ;;
    '') lacking "Python 3.6 ($python)" "sudo apt-get install python3 python3-dev, or name it with --python" ;;
    *) lacking "Python 3.6, $python is $version" "JetPack's OpenCV and TensorRT are built for its own Python 3.6" ;;
  esac
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    found "venv"
  else
    lacking "Python's venv" "sudo apt-get install python3-venv"
  fi
}

check_opencv() {
  local build
  build=$("$python" -c 'import cv2; print(cv2.__version__, cv2.__file__); print(cv2.getBuildInformation())' 2>/dev/null) || build=''
  if [ -z "$build" ]; then
    lacking "OpenCV" "sudo apt-get install nvidia-opencv (JetPack's); not pip's, which has no GStreamer"
  elif grep -Eq 'GStreamer: +YES' <<<"$build"; then
    found "OpenCV ${build%%$'\n'*}, with GStreamer"
  else
    lacking "OpenCV with GStreamer, this is ${build%%$'\n'*}" "remove pip's, which hides JetPack's: sudo pip3 uninstall opencv-python opencv-python-headless"
  fi
}

check_tensorrt() {
  local version
  version=$("$python" -c 'import tensorrt; print(tensorrt.__version__)' 2>/dev/null) || version=''
  case $version in
    8.*) found "TensorRT $version" ;;
    *) lacking "TensorRT 8.2 for Python${version:+, this is $version}" "sudo apt-get install python3-libnvinfer" ;;
  esac
}

check_torch_wheel() {
  if [ -z "$torch_wheel" ]; then
    found "no --torch: the board serves and benches, it does not adapt"
    return
  fi
  case $torch_wheel in
    *torch-1.1[0-9]*-cp36-*aarch64.whl)
      if [ -f "$torch_wheel" ]; then found "PyTorch's wheel $torch_wheel"; else lacking "the file $torch_wheel" "give --torch the wheel's path"; fi ;;
    *) lacking "a PyTorch 1.10 wheel for cp36 and aarch64, this is ${torch_wheel##*/}" "take NVIDIA's for JetPack 4.6: torch-1.10.0-cp36-cp36m-linux_aarch64.whl" ;;
  esac
}

check_venv() {
  if [ -e "$venv" ] && ! grep -Eqi '^include-system-site-packages *= *true' "$venv/pyvenv.cfg" 2>/dev/null; then
    lacking "an environment that sees JetPack's packages: $venv is another kind" "give another folder: --venv DIR"
  fi
}

run() {
  if [ "$dry_run" = yes ]; then
    printf 'would run: %s\n' "$*"
  else
    printf 'run: %s\n' "$*"
    "$@"
  fi
}

# A line in site-packages that every start of this environment's Python runs, so that nobody has to set the variable.
write_pth() {
  local folder
  folder=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  printf 'import os; os.environ.setdefault("OPENBLAS_CORETYPE", "ARMV8")\n' >"$folder/dance_edge_board.pth"
}

install() {
  local extras=serve,jetson,report constraints=$project/constraints/jetpack46.txt
  [ -x "$venv/bin/python" ] || run "$python" -m venv --system-site-packages "$venv"
  if [ "$dry_run" = yes ]; then printf 'would write: OPENBLAS_CORETYPE=ARMV8 into the environment\n'; else write_pth; fi
  run "$venv/bin/python" -m pip install -q pip==21.3.1 setuptools==59.6.0 wheel==0.37.1
  if [ -n "$torch_wheel" ]; then
    run "$venv/bin/python" -m pip install -q -c "$constraints" "$torch_wheel"
    extras=train,$extras
  fi
  run "$venv/bin/python" -m pip install -q --prefer-binary -c "$constraints" -e "${project}[$extras]"
  run "$venv/bin/dance-edge" doctor
}

check_l4t
check_python
check_opencv
check_tensorrt
check_torch_wheel
check_venv
if [ "$lacks" -gt 0 ] && [ "$dry_run" = no ]; then
  die 6 "the board lacks $lacks of what is needed, nothing was changed" "mend the lines above, then run this again"
fi
install
if [ "$lacks" -gt 0 ]; then
  die 6 "the board lacks $lacks of what is needed" "mend the lines above"
fi
if [ "$dry_run" = yes ]; then
  printf 'a dry run: nothing was changed\n'
else
  printf 'installed: %s\n' "$venv/bin/dance-edge"
  printf 'if Python says "cannot allocate memory in static TLS block": export LD_PRELOAD=/usr/lib/aarch64-linux-gnu/libgomp.so.1\n'
fi
