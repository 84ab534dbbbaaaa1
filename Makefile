# SPDX-License-Identifier: GPL-2.0
# Thin on purpose: one line of bin/ a target. README.md says what they do.

# What a target takes. Any other variable on its command line would be ignored, and is refused instead.
takes-kunit := ARCH DEBUG BASE
takes-selftest := ARCH CASE DEBUG BASE
takes-stress := MINUTES MATRIX SEED BASE
takes-shell := ARCH BASE
takes-kernel := ARCH DEBUG BASE
takes-tree := REV MERGE
takes-absorb := REV MERGE
takes-dist := SIGNOFF
takes-evidence := ONLY
given := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))
lost := $(filter-out LINUX_SRC APT_MIRROR XDG_CACHE_HOME $(foreach t,$(MAKECMDGOALS),$(takes-$t)),$(given))
$(if $(lost),$(error make $(MAKECMDGOALS) does not take $(lost): README.md says what there is))

# A switch is 1, or 0, or not given. Values go to the shell through the environment: they may hold any character.
on = $(if $(filter-out 0 1,$($1))$(word 2,$($1)),$(error $1=$($1): it is 1, or not given),$(filter 1,$($1)))
option = $(if $($1),--$2 "$$$1")
flags = $(call option,ARCH,arch) $(if $(call on,BASE),--base)

demo:
	bin/suite demo
test:
	bin/suite test
check:
	bin/suite check
evidence:
	bin/suite evidence $(call option,ONLY,only)
bench:
	bin/suite bench
kunit:
	bin/kernel kunit $(flags) $(if $(call on,DEBUG),--debug)
selftest:
	bin/vm run $(flags) $(if $(call on,DEBUG),--debug) $(call option,CASE,case)
stress:
	bin/vm stress $(call option,MINUTES,minutes) $(call option,MATRIX,matrix) $(call option,SEED,seed) $(if $(call on,BASE),--base)
shell:
	bin/vm shell $(flags)
kernel:
	@bin/kernel build $(if $(ARCH),"$$ARCH") $(if $(call on,BASE),--base) $(if $(call on,DEBUG),--debug)
tree:
	@bin/series tree $(call option,REV,rev) $(if $(call on,MERGE),--merge)
absorb:
	bin/series absorb $(call option,REV,rev) $(if $(call on,MERGE),--merge)
dist:
	bin/series dist $(call option,SIGNOFF,signoff)
clean-cache:
	bin/kernel clean-cache

.PHONY: demo test check evidence bench kunit selftest stress shell kernel tree absorb dist clean-cache
