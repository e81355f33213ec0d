#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# First program of the nested host (see host.py): brings up /dev/kvm and the image with the emulator, then
# hands over to the agent on the virtio console port. When the agent ends, so does the nested host.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs -o size=64M tmpfs /run
echo 1 > /proc/sys/vm/overcommit_memory
# Two MiB a fault instead of four KiB: a fault costs 45 us here, and a guest writes gigabytes.
echo always > /sys/kernel/mm/transparent_hugepage/shmem_enabled
while read -r module; do
    insmod "/modules/$module.ko" || echo "insmod $module: $?"
done < /modules/order
tries=0
while ! mount -t ext4 -o ro /dev/vda /img 2>/dev/null && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
[ -c /dev/kvm ] || echo "no /dev/kvm"
for port in /dev/vport*; do
    agent "$port"
done
sync
poweroff -f
