// Package connector refuses to archive workflows in Google's storage, whose client is left out here.
package connector

import (
	"context"
	"errors"

	"go.temporal.io/server/common/archiver"
	"go.temporal.io/server/common/config"
)

// ErrBucketNotFound is what the archiver compares errors with.
var ErrBucketNotFound = errors.New("Google's storage is left out of this build")

// Precondition chooses among what was found.
type Precondition func(any) bool

// Client is what the archiver asks; there is none.
type Client interface {
	Exist(context.Context, archiver.URI, string) (bool, error)
	Get(context.Context, archiver.URI, string) ([]byte, error)
	Query(context.Context, archiver.URI, string) ([]string, error)
	QueryWithFilters(context.Context, archiver.URI, string, int, int, []Precondition) ([]string, bool, int, error)
	Upload(context.Context, archiver.URI, string, []byte) error
}

// NewClient fails.
func NewClient(context.Context, *config.GstorageArchiver) (Client, error) {
	return nil, ErrBucketNotFound
}
