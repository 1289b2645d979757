// Verifies an export of the ledger with the packages note and tlog of golang.org/x/mod/sumdb.
//
//	verify_ledger VKEY DIR [OLDER-CHECKPOINT]
//
// The signature, every hash tile on the way, every entry against its leaf, and (with an older
// checkpoint) that the log only grew. Prints the number of entries.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 256

type log string

func (dir log) Height() int                                { return height }
func (dir log) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

// ReadTiles reads tiles by the path of C2SP tlog-tiles, which does not name the height.
func (dir log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		octets, err := os.ReadFile(filepath.Join(string(dir), path))
		if err != nil {
			return nil, err
		}
		if len(octets) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d octets", path, len(octets))
		}
		all = append(all, octets)
	}
	return all, nil
}

// entries reads one bundle of the log of this size.
func (dir log) entries(index, size int64) ([][]byte, error) {
	count := min(width, size-index*width)
	tile := tlog.Tile{H: height, L: 0, N: index, W: int(count)}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	octets, err := os.ReadFile(filepath.Join(string(dir), path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(octets) >= 2 {
		length := 2 + int(binary.BigEndian.Uint16(octets))
		if length > len(octets) {
			return nil, fmt.Errorf("%s is cut off", path)
		}
		entries = append(entries, octets[2:length])
		octets = octets[length:]
	}
	if len(octets) != 0 || int64(len(entries)) != count {
		return nil, fmt.Errorf("%s holds %d entries instead of %d", path, len(entries), count)
	}
	return entries, nil
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// checkpoint opens a signed checkpoint.
func checkpoint(path, vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	octets, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	signed, err := note.Open(octets, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("%s is no checkpoint of %s", path, verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return tree, fmt.Errorf("%s names no root", path)
	}
	copy(tree.Hash[:], hash)
	return tree, nil
}

func verify(vkey, dir, older string) (int64, error) {
	tree, err := checkpoint(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return 0, err
	}
	hashes := tlog.TileHashReader(tree, log(dir))
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return 0, err
	}
	if root != tree.Hash {
		return 0, fmt.Errorf("the root is not the signed one")
	}
	for first := int64(0); first < tree.N; first += width {
		entries, err := log(dir).entries(first/width, tree.N)
		if err != nil {
			return 0, err
		}
		for i, entry := range entries {
			seq := first + int64(i)
			proof, err := tlog.ProveRecord(tree.N, seq, hashes)
			if err != nil {
				return 0, err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, seq, tlog.RecordHash(entry)); err != nil {
				return 0, fmt.Errorf("entry %d is not what was signed: %v", seq, err)
			}
			if !bytes.Contains(entry, []byte(fmt.Sprintf(`"seq":"%d"`, seq))) {
				return 0, fmt.Errorf("entry %d bears another number", seq)
			}
		}
	}
	if older == "" {
		return tree.N, nil
	}
	before, err := checkpoint(older, vkey)
	if err != nil {
		return 0, err
	}
	if before.N > tree.N {
		return 0, fmt.Errorf("the log had %d entries and has %d", before.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, before.N, hashes)
	if err != nil {
		return 0, err
	}
	return tree.N, tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
}

func main() {
	older := ""
	if len(os.Args) > 3 {
		older = os.Args[3]
	}
	size, err := verify(os.Args[1], os.Args[2], older)
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println(size)
}
