#!/bin/sh
# demo.sh: the main job, end to end. With IMAGE in the environment, a file that
# image.sh packed, no image is built.
set -eu
cd "$(dirname "$0")/.."

tests/image.sh need "${IMAGE-}"
tests/deps.sh build run demo
tests/tree.sh private
prebuilt=
if [ -n "${IMAGE-}" ]; then
	tests/image.sh use "$IMAGE"
	prebuilt=prebuilt
fi
exec build/private/tests/demo/demo build/demo.json $prebuilt
