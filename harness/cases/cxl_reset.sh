#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A reset of the link wipes the decoders of a CXL memory device. It is refused while a region has memory of the device,
# and nothing is touched; it works before and after.
# topology: cxl
# arches: x86_64
# kernel: debug
# boot: own

. "$KSELFTEST"/pci/lib.sh

BUS=/sys/bus/cxl/devices
SIZE=0x10000000
WIPED="SBR happened without memory regions removal"

# decoder ATTRIBUTE PATTERN...: the first decoder below one of these that has the attribute
decoder()
{
	local attribute=$1 files

	shift
	files=("${@/%//$attribute}")
	for file in "${files[@]}"; do
		[ -e "$file" ] && echo "${file%/*}" && return
	done
	return 1
}

# region: have one of all the memory of the device
region()
{
	local name

	root=$(decoder create_ram_region $BUS/root*/decoder*) && endpoint=$(decoder dpa_size $BUS/endpoint*/decoder*) || return
	write "$endpoint/mode" ram && write "$endpoint/dpa_size" $SIZE || return
	name=$(cat "$root/create_ram_region")
	write "$root/create_ram_region" "$name" || return
	region=$BUS/$name
	write "$region/interleave_granularity" 256 && write "$region/interleave_ways" 1 && write "$region/size" $SIZE &&
		write "$region/target0" "${endpoint##*/}" && write "$region/commit" 1
}

no_region()
{
	write "$region/commit" 0 && write "$root/delete_region" "${region##*/}"
}

# by METHOD FILE ERRNO: what writing to the file gives that resets by this method; the device stays what it is
by()
{
	local before value=1

	[ "$2" = reset ] || value=$1
	before=$(identity "$CXL" && header "$CXL")
	log_mark
	set_methods "$CXL" "$1" && fails_with "$3" "$PCI/$CXL/$2" "$value" && not_in_log "$WIPED" &&
		[ "$(identity "$CXL" && header "$CXL")" = "$before" ]
}

has_method()
{
	[[ " $(methods "$CXL") " = *" $1 "* ]]
}

msg "reset methods: $(methods "$CXL")"
has_method cxl_bus || skip_all "no CXL reset of this device"
ktap_print_header
ktap_set_plan 8
check "the link is reset" by cxl_bus reset 0
check "a region has memory of it" region
check "with it, a reset of the link is refused" by cxl_bus reset EBUSY
if [ -e "$PCI/$CXL/recover" ]; then
	check "and a recovery by one" by cxl_bus recover EBUSY
	check "the region goes" no_region
	check "without it, the link is reset" by cxl_bus reset 0
	check "and recovery does it" by cxl_bus recover 0
	check "a region has memory of it again" region
else
	for what in "and a recovery by one" "the region goes" "without it, the link is reset" "and recovery does it" \
		"a region has memory of it again"; do
		skip "$what" "no file recover here"
	done
fi
ktap_finished
