package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ikada-io/ikada/api"
)

// Ask reads the JSON that a path answers.
func (c *Client) Ask(ctx context.Context, path string, into any) error {
	text, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s answers %s with something else than is expected: %w: is it of another version?", c.base, path, err)
	}
	return nil
}

// Do starts what takes long or changes something, tells its progress, and reads
// its result. It ends when ctx ends; the server then stops, too.
func (c *Client) Do(ctx context.Context, path string, in any, tell func(api.Progress), result any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	answer, err := c.do(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	for lines := bufio.NewReader(answer); ; {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("the answer to %s ends too early: %w", path, errors.Join(ctx.Err(), err))
		}
		var line struct {
			Progress *api.Progress
			Result   json.RawMessage
			Error    string
		}
		switch err := json.Unmarshal(text, &line); {
		case err != nil:
			return fmt.Errorf("read the answer to %s: %w", path, err)
		case line.Error != "":
			return errors.New(line.Error)
		case line.Progress != nil:
			tell(*line.Progress)
		default:
			return json.Unmarshal(line.Result, result)
		}
	}
}
