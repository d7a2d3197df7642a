#!/bin/sh
# What gpu.conf does on a device, in a container: where the image has wheels for the GPU, it is asked
# for at every start. Without it, the appliance speaks on the processor, and this line says why.
set -eu
# What people say stands in the database: for the daemon's own eyes.
umask 077
if [ -e /opt/voice-appliance/venv/.gpu ]; then
  # TensorRT, where it is built in, would spend minutes on its first sentence.
  export ONNX_PROVIDER=CUDAExecutionProvider
  python /opt/voice-appliance/assert_gpu.py || true
fi
exec appliance "$@"
