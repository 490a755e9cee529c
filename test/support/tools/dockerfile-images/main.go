// Which images a build of a Dockerfile asks for, by BuildKit's own code: reads cases as JSON, and writes an answer for each.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type testCase struct {
	Dockerfile string            `json:"dockerfile"`
	BuildArgs  map[string]string `json:"buildArgs"`
	Target     string            `json:"target"`
	Platform   string            `json:"platform"`
}

type recorder struct {
	mu    sync.Mutex
	names map[string]bool
}

func (r *recorder) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[ref] = true
	return ref, "", []byte(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:` + fmt.Sprintf("%064d", 1) + `"]}}`), nil
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	out := []map[string]any{}
	for _, c := range cases {
		r := &recorder{names: map[string]bool{}}
		p := platforms.MustParse(c.Platform)
		_, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(c.Dockerfile), dockerfile2llb.ConvertOpt{
			Config:         dockerui.Config{BuildArgs: c.BuildArgs, Target: c.Target, BuildPlatforms: []ocispecs.Platform{platforms.MustParse("linux/amd64")}},
			TargetPlatform: &p,
			MetaResolver:   r,
		})
		names := []string{}
		for n := range r.names {
			names = append(names, n)
		}
		sort.Strings(names)
		entry := map[string]any{"images": names}
		if err != nil {
			entry["error"] = err.Error()
		}
		out = append(out, entry)
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
