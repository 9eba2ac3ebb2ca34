// The shell's own behaviour.
