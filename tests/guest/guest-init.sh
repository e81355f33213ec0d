#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's first program. With guest.control on the kernel's command line it obeys guest.py over the
# serial port: a line "ID COMMAND" is answered with "@reply ID LENGTH BASE64@", where the text is the
# command's output, '|' and its status; "again ID" repeats an answer that the kernel wrote into.
# Without guest.control the serial port gets a shell.
echo "@init@"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
read -r cmdline < /proc/cmdline
# From here on only emergencies reach the console; dmesg has everything.
echo 1 > /proc/sys/kernel/printk
while read -r module; do
    insmod "/modules/$module.ko" || echo "insmod $module: $?"
done < /modules/order
acpid -c /etc/acpi -l /dev/null -p /tmp/acpid.pid

case " $cmdline " in
*" guest.control "*) ;;
*)
    echo "Debian's kernel $(uname -r). Watch: grep MemTotal /proc/meminfo. End: poweroff -f"
    while :; do
        setsid cttyhack sh -i
    done
    ;;
esac

exec < /dev/ttyS0 > /dev/ttyS0 2>&1
stty -echo -onlcr
last= reply=
echo "@ready@"
while :; do
    read -r id command || { sleep 1; continue; }
    if [ "$id" = again ]; then
        [ "$command" = "$last" ] || reply=
        [ -n "$reply" ] || reply="@unknown $command@"
    else
        output=$(eval "$command" 2>&1 < /dev/null; echo "|$?")
        text=$(printf '%s' "$output" | base64 -w 0)
        last=$id reply="@reply $id ${#text} $text@"
    fi
    printf '\n%s\n' "$reply"
done
