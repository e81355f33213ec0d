/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that QEMU has and this program does not, so that one that is refused can be told from a typing
 * error: what stock QEMU 7.2 lists (-device help, -help, query-commands, ...) and some of later versions,
 * by kind, with the reason why it is not here. A name that comes to be leaves the table;
 * tests/cmdline/test_known_names.py compares it with what stock lists.
 */
#include "qemu/osdep.h"

#include "qemu/known-names.h"

#define WHY_DISK "disks and file systems are not there yet"
#define WHY_NET "networks are not there yet"
#define WHY_DISPLAY "there is no display, keyboard, mouse or sound"
#define WHY_USB "there is no USB"
#define WHY_MEMORY "memory is added with virtio-mem-pci alone"
#define WHY_HOSTDEV "devices of the host are not handed through"
#define WHY_VHOST "there are no vhost back ends yet"
#define WHY_VIRTIO "of virtio there is virtio-mem alone yet"
#define WHY_BUS "the bridges of a machine are its own and pcie-root-port"
#define WHY_PLATFORM "docs/system/platform.rst lists what of QEMU's platform is left out"
#define WHY_FIRMWARE "there is no firmware, a guest is booted with -kernel"
#define WHY_MIGRATION "migration and snapshots are not there yet"
#define WHY_SECURITY "keys, authorization and confidential guests are not there"
#define WHY_IOMMU "there is no IOMMU"
#define WHY_CPU "the processor's models are those that -cpu help lists"
#define WHY_REMOTE "nothing of a machine runs in another process yet"
#define WHY_CHARDEV "character devices are those that -chardev help lists"
#define WHY_DEBUG "guests are not debugged, traced or replayed with it"
#define WHY_XEN "there is no Xen"
#define WHY_IO "I/O on threads of its own is not there yet"
#define WHY_PROCESS "the process is left to who starts it (systemd, prlimit, sudo)"
#define WHY_OLD "machine versions begin with 5.1, the first with virtio-mem"
#define WHY_MACHINE "machines are the PC's alone"
#define WHY_CAN "there is no CAN bus"
#define WHY_TIME "the guest's clocks follow the host's"
#define WHY_GUEST "what it asks of a guest needs a device that is not there"
#define WHY_ACCEL "guests run under KVM, tests with -accel qtest"

typedef struct KnownNames {
    QemuNameKind kind;
    const char *why;
    const char *names;      /* separated by single spaces */
} KnownNames;

static const KnownNames known_names[] = {
    { QEMU_NAME_OPTION, WHY_DISK,
      "add-fd blockdev cdrom drive fda fdb fsdev hda hdb hdc hdd iscsi mtdblock no-fd-bootchk "
      "pflash sd snapshot virtfs" },
    { QEMU_NAME_OPTION, WHY_NET,
      "net netdev nic" },
    { QEMU_NAME_OPTION, WHY_DISPLAY,
      "audio-help full-screen k portrait rotate spice vga vnc" },
    { QEMU_NAME_OPTION, WHY_USB,
      "usb usbdevice" },
    { QEMU_NAME_OPTION, WHY_MEMORY,
      "mem-path mem-prealloc overcommit" },
    { QEMU_NAME_OPTION, WHY_PLATFORM,
      "action parallel watchdog-action win2k-hack" },
    { QEMU_NAME_OPTION, WHY_FIRMWARE,
      "L acpitable bios boot dtb fw no-acpi no-hpet option-rom smbios" },
    { QEMU_NAME_OPTION, WHY_MIGRATION,
      "dump-vmstate incoming loadvm only-migratable" },
    { QEMU_NAME_OPTION, WHY_SECURITY,
      "compat sandbox tpmdev" },
    { QEMU_NAME_OPTION, WHY_DEBUG,
      "D d debugcon dfilter echr enable-sync-profile gdb icount jitdump "
      "one-insn-per-tb perfmap plugin qmp-pretty s set singlestep trace" },
    { QEMU_NAME_OPTION, WHY_XEN,
      "xen-attach xen-domid xen-domid-restrict" },
    { QEMU_NAME_OPTION, WHY_PROCESS,
      "async-teardown chroot runas" },
    { QEMU_NAME_OPTION, WHY_TIME,
      "rtc seed" },
    { QEMU_NAME_MACHINE, WHY_OLD,
      "pc-1.0 pc-1.1 pc-1.2 pc-1.3 pc-i440fx-1.4 pc-i440fx-1.5 pc-i440fx-1.6 pc-i440fx-1.7 "
      "pc-i440fx-2.0 pc-i440fx-2.1 pc-i440fx-2.10 pc-i440fx-2.11 pc-i440fx-2.12 pc-i440fx-2.2 "
      "pc-i440fx-2.3 pc-i440fx-2.4 pc-i440fx-2.5 pc-i440fx-2.6 pc-i440fx-2.7 pc-i440fx-2.8 "
      "pc-i440fx-2.9 pc-i440fx-3.0 pc-i440fx-3.1 pc-i440fx-4.0 pc-i440fx-4.1 pc-i440fx-4.2 "
      "pc-i440fx-5.0 pc-q35-2.10 pc-q35-2.11 pc-q35-2.12 pc-q35-2.4 pc-q35-2.5 pc-q35-2.6 "
      "pc-q35-2.7 pc-q35-2.8 pc-q35-2.9 pc-q35-3.0 pc-q35-3.1 pc-q35-4.0 pc-q35-4.0.1 "
      "pc-q35-4.1 pc-q35-4.2 pc-q35-5.0" },
    { QEMU_NAME_MACHINE, WHY_MACHINE,
      "isapc microvm nitro-enclave virt x-remote xenfv xenfv-4.2 xenpv xenpvh" },
    { QEMU_NAME_DEVICE, WHY_DISK,
      "am53c974 dc390 floppy ich9-ahci ide-cd ide-hd isa-fdc isa-ide lsi53c810 lsi53c895a "
      "megasas megasas-gen2 mptsas1068 nvme nvme-ns nvme-subsys piix3-ide piix4-ide pvscsi "
      "scsi-block scsi-cd scsi-generic scsi-hd sd-card sd-card-spi sdhci-pci virtio-9p-device "
      "virtio-9p-pci virtio-9p-pci-non-transitional virtio-9p-pci-transitional "
      "virtio-blk-device virtio-blk-pci virtio-blk-pci-non-transitional "
      "virtio-blk-pci-transitional virtio-pmem virtio-pmem-pci virtio-scsi-device "
      "virtio-scsi-pci virtio-scsi-pci-non-transitional virtio-scsi-pci-transitional" },
    { QEMU_NAME_DEVICE, WHY_NET,
      "e1000 e1000-82544gc e1000-82545em e1000e i82550 i82551 i82557a i82557b i82557c i82558a "
      "i82558b i82559a i82559b i82559c i82559er i82562 i82801 i82801b11-bridge igb igbvf "
      "ne2k_isa ne2k_pci pcnet pvrdma rocker rtl8139 tulip virtio-net-device virtio-net-pci "
      "virtio-net-pci-non-transitional virtio-net-pci-transitional vmxnet3" },
    { QEMU_NAME_DEVICE, WHY_DISPLAY,
      "AC97 ES1370 VGA adlib ati-vga bochs-display cirrus-vga cs4231a gus hda-duplex "
      "hda-micro hda-output i2c-ddc ich9-intel-hda intel-hda isa-cirrus-vga isa-vga qxl "
      "qxl-vga ramfb sb16 secondary-vga virtio-gpu-device virtio-gpu-gl-pci virtio-gpu-pci "
      "virtio-input-host-device virtio-input-host-pci virtio-keyboard-device "
      "virtio-keyboard-pci virtio-mouse-device virtio-mouse-pci virtio-tablet-device "
      "virtio-tablet-pci virtio-vga virtio-vga-gl vmmouse vmware-svga" },
    { QEMU_NAME_DEVICE, WHY_USB,
      "ccid-card-emulated ccid-card-passthru ich9-usb-ehci1 ich9-usb-ehci2 ich9-usb-uhci1 "
      "ich9-usb-uhci2 ich9-usb-uhci3 ich9-usb-uhci4 ich9-usb-uhci5 ich9-usb-uhci6 "
      "nec-usb-xhci pci-ohci piix3-usb-uhci piix4-usb-uhci qemu-xhci u2f-passthru usb-audio "
      "usb-bot usb-braille usb-ccid usb-ehci usb-host usb-hub usb-kbd usb-mouse usb-mtp "
      "usb-net usb-redir usb-serial usb-storage usb-tablet usb-uas usb-wacom-tablet usb-xhci" },
    { QEMU_NAME_DEVICE, WHY_MEMORY,
      "cxl-downstream cxl-rp cxl-type3 cxl-upstream nvdimm pc-dimm pcie-root-port-cxl pxb-cxl" },
    { QEMU_NAME_DEVICE, WHY_HOSTDEV,
      "vfio-pci vfio-pci-igd-lpc-bridge vfio-pci-nohotplug vfio-user-pci" },
    { QEMU_NAME_DEVICE, WHY_VHOST,
      "vhost-scsi vhost-scsi-pci vhost-scsi-pci-non-transitional vhost-scsi-pci-transitional "
      "vhost-user-blk vhost-user-blk-pci vhost-user-blk-pci-non-transitional "
      "vhost-user-blk-pci-transitional vhost-user-fs-device vhost-user-fs-pci "
      "vhost-user-gpio-device vhost-user-gpio-pci vhost-user-gpu vhost-user-gpu-pci "
      "vhost-user-i2c-device vhost-user-i2c-pci vhost-user-input vhost-user-input-pci "
      "vhost-user-rng vhost-user-rng-pci vhost-user-scmi vhost-user-scsi vhost-user-scsi-pci "
      "vhost-user-scsi-pci-non-transitional vhost-user-scsi-pci-transitional vhost-user-snd "
      "vhost-user-test-device vhost-user-vga vhost-user-vsock-device vhost-user-vsock-pci "
      "vhost-user-vsock-pci-non-transitional vhost-vdpa-device vhost-vdpa-device-pci "
      "vhost-vsock-device vhost-vsock-pci vhost-vsock-pci-non-transitional" },
    { QEMU_NAME_DEVICE, WHY_VIRTIO,
      "virtconsole virtio-balloon-device virtio-balloon-pci "
      "virtio-balloon-pci-non-transitional virtio-balloon-pci-transitional virtio-md-device "
      "virtio-nsm-device virtio-rng-device virtio-rng-pci virtio-rng-pci-non-transitional "
      "virtio-rng-pci-transitional virtio-serial-device virtio-serial-pci "
      "virtio-serial-pci-non-transitional virtio-serial-pci-transitional virtio-sound-device "
      "virtio-sound-pci virtserialport" },
    { QEMU_NAME_DEVICE, WHY_BUS,
      "ioh3420 pci-bridge pci-bridge-seat pcie-pci-bridge pxb pxb-pcie vmbus-bridge "
      "x3130-upstream xio3130-downstream" },
    { QEMU_NAME_DEVICE, WHY_PLATFORM,
      "acpi-erst acpi-generic-port edu hv-syndbg hyperv-testdev i6300esb i8042 ib700 "
      "ipmi-bmc-extern ipmi-bmc-sim ipoctal232 isa-applesmc isa-debug-exit isa-debugcon "
      "isa-ipmi-bt isa-ipmi-kcs isa-parallel kvaser_pci mc146818rtc pc-testdev pci-ipmi-bt "
      "pci-ipmi-kcs pci-serial pci-serial-2x pci-serial-4x pci-testdev pvpanic pvpanic-mmio "
      "pvpanic-pci smbus-ipmi tpci200 uefi-vars-x64 ufs ufs-lu" },
    { QEMU_NAME_DEVICE, WHY_FIRMWARE,
      "guest-loader loader sga vmcoreinfo vmgenid" },
    { QEMU_NAME_DEVICE, WHY_SECURITY,
      "tpm-crb tpm-tis virtio-crypto-device virtio-crypto-pci" },
    { QEMU_NAME_DEVICE, WHY_IOMMU,
      "AMDVI-PCI amd-iommu intel-iommu virtio-iommu-device virtio-iommu-pci" },
    { QEMU_NAME_DEVICE, WHY_REMOTE,
      "ivshmem-doorbell ivshmem-plain x-pci-proxy-dev" },
    { QEMU_NAME_DEVICE, WHY_XEN,
      "xen-pvdevice" },
    { QEMU_NAME_DEVICE, WHY_CAN,
      "ctucan_pci mioe3680_pci pcm3680_pci" },
    { QEMU_NAME_OBJECT, WHY_NET,
      "colo-compare filter-buffer filter-dump filter-mirror filter-redirector filter-replay "
      "filter-rewriter" },
    { QEMU_NAME_OBJECT, WHY_DISPLAY,
      "input-barrier input-linux" },
    { QEMU_NAME_OBJECT, WHY_MEMORY,
      "memory-backend-epc memory-backend-shm" },
    { QEMU_NAME_OBJECT, WHY_VIRTIO,
      "rng-builtin rng-egd rng-random" },
    { QEMU_NAME_OBJECT, WHY_PLATFORM,
      "acpi-generic-initiator acpi-generic-port" },
    { QEMU_NAME_OBJECT, WHY_MIGRATION,
      "dbus-vmstate" },
    { QEMU_NAME_OBJECT, WHY_SECURITY,
      "authz-list authz-list-file authz-simple cryptodev-backend cryptodev-backend-builtin "
      "cryptodev-vhost-user igvm-cfg pr-manager-helper secret secret_keyring sev-guest "
      "sev-snp-guest tdx-guest tls-cipher-suites tls-creds-anon tls-creds-psk tls-creds-x509" },
    { QEMU_NAME_OBJECT, WHY_REMOTE,
      "x-remote-object x-vfio-user-server" },
    { QEMU_NAME_OBJECT, WHY_DEBUG,
      "qtest" },
    { QEMU_NAME_OBJECT, WHY_IO,
      "iommufd iothread main-loop thread-context throttle-group" },
    { QEMU_NAME_OBJECT, WHY_CAN,
      "can-bus can-host-socketcan" },
    { QEMU_NAME_COMMAND, WHY_DISK,
      "add-fd block-commit block-dirty-bitmap-add block-dirty-bitmap-clear "
      "block-dirty-bitmap-disable block-dirty-bitmap-enable block-dirty-bitmap-merge "
      "block-dirty-bitmap-remove block-export-add block-export-del block-job-cancel "
      "block-job-change block-job-complete block-job-dismiss block-job-finalize "
      "block-job-pause block-job-resume block-job-set-speed block-latency-histogram-set "
      "block-set-write-threshold block-stream block_resize block_set_io_throttle blockdev-add "
      "blockdev-backup blockdev-change-medium blockdev-close-tray blockdev-create "
      "blockdev-del blockdev-insert-medium blockdev-mirror blockdev-open-tray "
      "blockdev-remove-medium blockdev-reopen blockdev-set-active blockdev-snapshot "
      "blockdev-snapshot-delete-internal-sync blockdev-snapshot-internal-sync "
      "blockdev-snapshot-sync change-backing-file closefd drive-backup drive-mirror "
      "dump-guest-memory eject getfd job-cancel job-change job-complete job-dismiss "
      "job-finalize job-pause job-resume nbd-server-add nbd-server-remove nbd-server-start "
      "nbd-server-stop query-block-exports query-block-jobs "
      "query-dump-guest-memory-capability query-fdsets query-pr-managers remove-fd "
      "transaction x-blockdev-amend x-blockdev-change x-blockdev-set-iothread "
      "x-debug-block-dirty-bitmap-sha256 x-debug-query-block-graph" },
    { QEMU_NAME_COMMAND, WHY_NET,
      "netdev_add netdev_del query-rocker query-rocker-of-dpa-flows "
      "query-rocker-of-dpa-groups query-rocker-ports query-rx-filter set_link" },
    { QEMU_NAME_COMMAND, WHY_DISPLAY,
      "add_client change-vnc-password display-reload display-update expire_password "
      "input-send-event query-display-options query-mice query-spice query-vnc "
      "query-vnc-servers screendump send-key set_password" },
    { QEMU_NAME_COMMAND, WHY_USB,
      "x-query-usb" },
    { QEMU_NAME_COMMAND, WHY_VIRTIO,
      "x-query-virtio x-query-virtio-queue-element x-query-virtio-queue-status "
      "x-query-virtio-status x-query-virtio-vhost-queue-status" },
    { QEMU_NAME_COMMAND, WHY_MIGRATION,
      "announce-self calc-dirty-rate cancel-vcpu-dirty-limit client_migrate_info migrate "
      "migrate-continue migrate-incoming migrate-pause migrate-recover "
      "migrate-set-capabilities migrate-set-parameters migrate-start-postcopy migrate_cancel "
      "query-colo-status query-dirty-rate query-migrate query-migrate-capabilities "
      "query-migrate-parameters query-vcpu-dirty-limit query-yank set-vcpu-dirty-limit "
      "snapshot-delete snapshot-load snapshot-save x-colo-lost-heartbeat x-query-ramblock "
      "x-query-rdma xen-colo-do-checkpoint xen-load-devices-state xen-save-devices-state yank" },
    { QEMU_NAME_COMMAND, WHY_SECURITY,
      "query-sev query-sev-attestation-report query-sev-capabilities query-sev-launch-measure "
      "query-sgx query-sgx-capabilities query-tpm query-tpm-models query-tpm-types "
      "sev-inject-launch-secret" },
    { QEMU_NAME_COMMAND, WHY_CHARDEV,
      "chardev-add chardev-change chardev-remove chardev-send-break query-chardev-backends "
      "ringbuf-read ringbuf-write" },
    { QEMU_NAME_COMMAND, WHY_DEBUG,
      "cxl-inject-general-media-event cxl-inject-poison dumpdtb memsave pmemsave query-dump "
      "query-firmware-log query-replay query-s390x-cpu-polarization query-stats "
      "query-stats-schemas replay-break replay-delete-break replay-seek request-ebpf "
      "trace-event-get-state trace-event-set-state x-accel-stats x-query-irq x-query-jit "
      "x-query-numa x-query-opcount x-query-profile x-query-roms" },
    { QEMU_NAME_COMMAND, WHY_XEN,
      "query-xen-replication-status xen-set-global-dirty-log xen-set-replication" },
    { QEMU_NAME_COMMAND, WHY_GUEST,
      "balloon inject-nmi query-acpi-ospm-status query-balloon query-vm-generation-id "
      "rtc-reset-reinjection set-action system_wakeup watchdog-set-action" },
    { QEMU_NAME_HMP, WHY_DISK,
      "block_job_cancel block_job_complete block_job_pause block_job_resume "
      "block_job_set_speed block_resize block_set_io_throttle block_stream change "
      "chardev-change closefd commit drive_add drive_backup drive_del drive_mirror eject "
      "getfd nbd_server_add nbd_server_remove nbd_server_start nbd_server_stop qemu-io "
      "snapshot_blkdev snapshot_blkdev_internal snapshot_delete_blkdev_internal block "
      "block-jobs blockstats" },
    { QEMU_NAME_HMP, WHY_NET,
      "hostfwd_add hostfwd_remove netdev_add netdev_del set_link network rocker "
      "rocker-of-dpa-flows rocker-of-dpa-groups rocker-ports usernet" },
    { QEMU_NAME_HMP, WHY_DISPLAY,
      "expire_password mouse_button mouse_move mouse_set screendump sendkey set_password "
      "stopcapture wavcapture capture mice spice vnc" },
    { QEMU_NAME_HMP, WHY_USB,
      "usb usbhost" },
    { QEMU_NAME_HMP, WHY_VIRTIO,
      "virtio virtio-queue-element virtio-queue-status virtio-status "
      "virtio-vhost-queue-status" },
    { QEMU_NAME_HMP, WHY_MIGRATION,
      "announce_self calc_dirty_rate cancel_vcpu_dirty_limit client_migrate_info delvm loadvm "
      "migrate migrate_cancel migrate_continue migrate_incoming migrate_pause migrate_recover "
      "migrate_set_capability migrate_set_parameter migrate_start_postcopy savevm "
      "set_vcpu_dirty_limit x_colo_lost_heartbeat dirty_rate migrate migrate_capabilities "
      "migrate_parameters ramblock rdma snapshots vcpu_dirty_limit" },
    { QEMU_NAME_HMP, WHY_SECURITY,
      "sev sgx tpm" },
    { QEMU_NAME_HMP, WHY_CHARDEV,
      "chardev-add chardev-remove chardev-send-break ringbuf_read ringbuf_write" },
    { QEMU_NAME_HMP, WHY_DEBUG,
      "cpu dump-guest-memory dumpdtb exit_preconfig gdbserver gpa2hpa gpa2hva gva2gpa i log "
      "logfile mce memsave o p pcie_aer_inject_error pmemsave print replay_break "
      "replay_delete_break replay_seek singlestep sum sync-profile trace-event x xp dump "
      "hotpluggable-cpus iothreads irq jit lapic mem opcount pic profile registers replay "
      "roms stats sync-profile tlb trace-events" },
    { QEMU_NAME_HMP, WHY_GUEST,
      "balloon boot_set nmi system_wakeup watchdog_action balloon vm-generation-id" },
    { QEMU_NAME_CHARDEV, WHY_CHARDEV,
      "braille con console dbus hub memory msmouse mux parallel parport pipe qemu-vdagent ringbuf "
      "serial spiceport spicevmc telnet testdev tn3270 tty udp vc wctablet websocket" },
    { QEMU_NAME_CPU, WHY_CPU,
      "486 486-v1 Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Broadwell-v1 "
      "Broadwell-v2 Broadwell-v3 Broadwell-v4 Cascadelake-Server Cascadelake-Server-noTSX "
      "Cascadelake-Server-v1 Cascadelake-Server-v2 Cascadelake-Server-v3 "
      "Cascadelake-Server-v4 Cascadelake-Server-v5 Conroe Conroe-v1 Cooperlake Cooperlake-v1 "
      "Cooperlake-v2 Denverton Denverton-v1 Denverton-v2 Denverton-v3 Dhyana Dhyana-v1 "
      "Dhyana-v2 EPYC EPYC-IBPB EPYC-Milan EPYC-Milan-v1 EPYC-Rome EPYC-Rome-v1 EPYC-Rome-v2 "
      "EPYC-v1 EPYC-v2 EPYC-v3 Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS "
      "Haswell-v1 Haswell-v2 Haswell-v3 Haswell-v4 Icelake-Server Icelake-Server-noTSX "
      "Icelake-Server-v1 Icelake-Server-v2 Icelake-Server-v3 Icelake-Server-v4 "
      "Icelake-Server-v5 Icelake-Server-v6 IvyBridge IvyBridge-IBRS IvyBridge-v1 IvyBridge-v2 "
      "KnightsMill KnightsMill-v1 Nehalem Nehalem-IBRS Nehalem-v1 Nehalem-v2 Opteron_G1 "
      "Opteron_G1-v1 Opteron_G2 Opteron_G2-v1 Opteron_G3 Opteron_G3-v1 Opteron_G4 "
      "Opteron_G4-v1 Opteron_G5 Opteron_G5-v1 Penryn Penryn-v1 SandyBridge SandyBridge-IBRS "
      "SandyBridge-v1 SandyBridge-v2 Skylake-Client Skylake-Client-IBRS "
      "Skylake-Client-noTSX-IBRS Skylake-Client-v1 Skylake-Client-v2 Skylake-Client-v3 "
      "Skylake-Client-v4 Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS "
      "Skylake-Server-v1 Skylake-Server-v2 Skylake-Server-v3 Skylake-Server-v4 "
      "Skylake-Server-v5 Snowridge Snowridge-v1 Snowridge-v2 Snowridge-v3 Snowridge-v4 "
      "Westmere Westmere-IBRS Westmere-v1 Westmere-v2 athlon athlon-v1 core2duo core2duo-v1 "
      "coreduo coreduo-v1 kvm32 kvm32-v1 kvm64 kvm64-v1 n270 n270-v1 pentium pentium-v1 "
      "pentium2 pentium2-v1 pentium3 pentium3-v1 phenom phenom-v1 qemu32 qemu32-v1 qemu64-v1" },
    { QEMU_NAME_ACCEL, WHY_ACCEL,
      "hvf mshv nitro nvmm whpx xen" },
};

static const char *const kind_text[] = {
    [QEMU_NAME_OPTION] = "option",
    [QEMU_NAME_MACHINE] = "machine",
    [QEMU_NAME_DEVICE] = "device",
    [QEMU_NAME_OBJECT] = "object type",
    [QEMU_NAME_COMMAND] = "command",
    [QEMU_NAME_HMP] = "command",
    [QEMU_NAME_CHARDEV] = "character device",
    [QEMU_NAME_CPU] = "CPU model",
    [QEMU_NAME_ACCEL] = "accelerator",
};

/* Whether @name is one of the words of @names. */
static bool names_have(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *p = names; length && (p = strstr(p, name)); p += length) {
        if ((p == names || p[-1] == ' ') && (p[length] == ' ' || !p[length])) {
            return true;
        }
    }
    return false;
}

char *qemu_name_explain(QemuNameKind kind, const char *name)
{
    if (strchr(name, ' ')) {
        return g_strdup("");
    }
    for (size_t i = 0; i < ARRAY_SIZE(known_names); i++) {
        if (known_names[i].kind == kind && names_have(known_names[i].names, name)) {
            return g_strdup_printf(": QEMU has the %s '%s'; it is out of scope here: %s",
                                   kind_text[kind], name, known_names[i].why);
        }
    }
    return g_strdup("");
}
