package bundle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
)

// LanesPrefix is where the lanes' folders are in the buffer bucket.
const LanesPrefix = "lanes/"

const (
	suffix     = ".bundle"
	maxOrdinal = 999_999_999_999
)

// Folder returns the prefix of a lane's keys.
func Folder(lane ikada.Lane) string { return LanesPrefix + lane.String() + "/" }

// Key returns a bundle's key: "lanes/LANE/" and twelve digits of
// 999999999999 - ordinal, so that a listing begins with the newest bundle.
func Key(lane ikada.Lane, ordinal uint64) string {
	return fmt.Sprintf("%s%012d%s", Folder(lane), maxOrdinal-ordinal, suffix)
}

// ParseKey is the inverse of Key.
func ParseKey(key string) (ikada.Lane, uint64, error) {
	rest, inLanes := strings.CutPrefix(key, LanesPrefix)
	folder, name, hasName := strings.Cut(rest, "/")
	digits, isBundle := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if !inLanes || !hasName || !isBundle || err != nil || len(digits) != 12 {
		return ikada.Lane{}, 0, fmt.Errorf("bundle key %q: want %sLANE/NNNNNNNNNNNN%s", key, LanesPrefix, suffix)
	}
	lane, err := ikada.ParseLane(folder)
	if err != nil {
		return ikada.Lane{}, 0, fmt.Errorf("bundle key %q: %w", key, err)
	}
	return lane, maxOrdinal - n, nil
}
