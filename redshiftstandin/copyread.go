package redshiftstandin

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// dataFile is a file of a COPY, uncompressed.
type dataFile struct {
	url  string
	data []byte
}

// maxRaw bounds what a file may inflate to.
const maxRaw = 4 << 30

// get reads an object. The error is Redshift's.
func (l *loading) get(ctx context.Context, url string) ([]byte, error) {
	if l.session.server.options.Objects == nil {
		return nil, errors.New("the stand-in was started without Objects")
	}
	data, err := l.session.server.options.Objects.Get(ctx, url)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &missing{errorf(codeInternal, "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey: %s", url)}
	case err != nil:
		return nil, errorf(codeInternal, "S3ServiceException: read %s: %v", url, err)
	}
	return data, nil
}

// missing is the error of an object that does not exist.
type missing struct{ error }

func (m *missing) Unwrap() error { return m.error }

// files reads what the manifest lists, as often as it lists it.
func (l *loading) files(ctx context.Context) ([]dataFile, error) {
	data, err := l.get(ctx, l.from)
	if err != nil {
		return nil, errorf(codeInternal, "Problem reading manifest file - %v", err)
	}
	entries, err := readManifest(data)
	if err != nil {
		return nil, err
	}
	var files []dataFile
	for _, e := range entries {
		data, err := l.get(ctx, e.URL)
		var gone *missing
		switch {
		case errors.As(err, &gone) && !e.Mandatory:
			continue
		case errors.As(err, &gone):
			return nil, &Error{Code: codeInternal, Message: "Mandatory url is not present in manifest file.", Detail: e.URL}
		case err != nil:
			return nil, err
		}
		if data, err = l.inflate(e.URL, data); err != nil {
			return nil, err
		}
		files = append(files, dataFile{e.URL, data})
	}
	return files, nil
}

// manifestEntry is a file of a manifest. Mandatory is false if it is not said.
type manifestEntry struct {
	URL       string `json:"url"`
	Mandatory bool   `json:"mandatory"`
}

func readManifest(data []byte) ([]manifestEntry, error) {
	wrong := func(why string) error {
		return &Error{Code: codeInternal, Message: "Manifest file is not in correct json format", Detail: why}
	}
	if !utf8.Valid(data) {
		return nil, wrong("it is not UTF-8, or it is compressed")
	}
	var manifest struct {
		Entries []manifestEntry `json:"entries"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, wrong(err.Error())
	}
	if len(manifest.Entries) == 0 {
		return nil, wrong("it has no entries")
	}
	for i, e := range manifest.Entries {
		if !strings.HasPrefix(e.URL, "s3://") || strings.HasSuffix(e.URL, "/") {
			return nil, wrong(fmt.Sprintf("entry %d: %q is not the URL of an object", i, e.URL))
		}
	}
	return manifest.Entries, nil
}

func (l *loading) inflate(url string, data []byte) ([]byte, error) {
	var err error
	switch {
	case l.gzip:
		data, err = gunzip(data)
	case l.zstd:
		data, err = unzstd(data)
	}
	if err != nil {
		return nil, &Error{Code: codeInternal, Message: fmt.Sprintf("S3 file %s cannot be decompressed", url), Detail: err.Error()}
	}
	return data, nil
}

// gunzip reads exactly one member, with its checksum: how Redshift reads
// several is not documented, and other engines stop at the first.
func gunzip(data []byte) ([]byte, error) {
	in := bytes.NewReader(data)
	r, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("not a gzip file: %w", err)
	}
	r.Multistream(false)
	raw, err := io.ReadAll(io.LimitReader(r, maxRaw))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	switch {
	case in.Len() >= 2 && bytes.HasPrefix(data[len(data)-in.Len():], []byte{0x1f, 0x8b}):
		return nil, errors.New("the gzip file has several members, which the stand-in does not imitate: one member a file is required")
	case in.Len() > 0:
		return nil, fmt.Errorf("%d bytes stand behind the gzip member", in.Len())
	}
	return raw, nil
}

func unzstd(data []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(data, nil)
}
