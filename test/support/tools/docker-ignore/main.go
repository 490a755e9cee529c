// Answers which paths of a folder Docker's client sends to the builder for an ignore file: what buildx runs
// (ignorefile.ReadAll, then fsutil's filter), or what docker's own client ran before version 23. It reads questions
// from standard input, one JSON text a line, and writes an answer for each.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	gofs "io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/docker/pkg/fileutils"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

type question struct {
	Root    string `json:"root"`
	Ignore  []byte `json:"ignore"`
	Dialect string `json:"dialect"`
}

type answer struct {
	Paths [][]byte `json:"paths"`
	Error string   `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		paths, err := sent(asked)
		given := answer{Paths: paths}
		if err != nil {
			given = answer{Error: err.Error()}
		}
		if err := answers.Encode(given); err != nil {
			panic(err)
		}
	}
}

func sent(asked question) ([][]byte, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(asked.Ignore))
	if err != nil {
		return nil, err
	}
	// The builder sends the patterns to the client as JSON, in which bytes that are not UTF-8 become U+FFFD.
	encoded, err := json.Marshal(patterns)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(encoded, &patterns); err != nil {
		return nil, err
	}
	if asked.Dialect == "docker-20" {
		return sentByDocker20(asked.Root, patterns)
	}
	return walk(asked.Root, &fsutil.FilterOpt{ExcludePatterns: patterns}, func(string) (bool, error) { return true, nil })
}

// sentByDocker20 looks into every folder where there are exceptions, and that client only into some: it sends no more
// than this. A folder that leads to an exception is sent also where the patterns match it.
func sentByDocker20(root string, patterns []string) ([][]byte, error) {
	matcher, err := fileutils.NewPatternMatcher(patterns)
	if err != nil {
		return nil, err
	}
	return walk(root, &fsutil.FilterOpt{}, func(path string) (bool, error) {
		ignored, err := matcher.Matches(path)
		if err != nil || !ignored {
			return !ignored, err
		}
		info, err := os.Lstat(filepath.Join(root, path))
		if err != nil || !info.IsDir() {
			return false, err
		}
		if !matcher.Exclusions() {
			return false, gofs.SkipDir
		}
		return leadsToException(matcher, path), nil
	})
}

func leadsToException(matcher *fileutils.PatternMatcher, folder string) bool {
	for _, pattern := range matcher.Patterns() {
		if pattern.Exclusion() && strings.HasPrefix(pattern.String()+"/", folder+"/") {
			return true
		}
	}
	return false
}

func walk(root string, filter *fsutil.FilterOpt, keep func(string) (bool, error)) ([][]byte, error) {
	folder, err := fsutil.NewFS(root)
	if err != nil {
		return nil, err
	}
	filtered, err := fsutil.NewFilterFS(folder, filter)
	if err != nil {
		return nil, err
	}
	paths := [][]byte{}
	err = filtered.Walk(context.Background(), "/", func(path string, _ gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		kept, err := keep(path)
		if kept {
			paths = append(paths, []byte(path))
		}
		return err
	})
	return paths, err
}
