package wire

// checkItems counts the CBOR items of a frame by their heads alone, before
// anything is built from them. It says nothing about the rest of the syntax.
func checkItems(b []byte) error {
	items := 0
	for i := 0; i < len(b); {
		if items++; items > maxItems {
			return frameError("more than %d items", maxItems)
		}
		size, arg, ok := head(b[i:])
		if !ok {
			return frameError("broken item at byte %d", i)
		}
		i += size
		if major := b[i-size] >> 5; major == 2 || major == 3 { // byte and text strings
			if arg > uint64(len(b)-i) {
				return frameError("string of %d bytes at byte %d is cut off", arg, i)
			}
			i += int(arg)
		}
	}
	return nil
}

// head reads the head of an item: its size in bytes (1, 2, 3, 5 or 9) and its
// argument. Indefinite lengths are not ok.
func head(b []byte) (size int, arg uint64, ok bool) {
	info := b[0] & 0x1f
	if info < 24 {
		return 1, uint64(info), true
	}
	if info > 27 {
		return 0, 0, false
	}
	size = 1 + 1<<(info-24)
	if len(b) < size {
		return 0, 0, false
	}
	for _, c := range b[1:size] {
		arg = arg<<8 | uint64(c)
	}
	return size, arg, true
}
