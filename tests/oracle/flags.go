// Copyright (c) 2026, rke.cis contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// flags.go: reads a case as JSON from each line, and answers what Go's own packages make of it.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"io"
	"os"

	"github.com/spf13/pflag"
)

type question struct {
	Style string
	Types map[string]string
	Args  []string
}

type answer struct {
	Refused bool
	Values  map[string]interface{} // of flags that are given
	Rest    []string
}

func withPflag(q question) (a answer) {
	set := pflag.NewFlagSet("x", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	read := map[string]func() interface{}{}
	for name, kind := range q.Types {
		switch kind {
		case "bool":
			v := set.Bool(name, false, "")
			read[name] = func() interface{} { return *v }
		case "int":
			v := set.Int64(name, 0, "")
			read[name] = func() interface{} { return *v }
		case "int32":
			v := set.Int32(name, 0, "")
			read[name] = func() interface{} { return *v }
		case "uint":
			v := set.Uint64(name, 0, "")
			read[name] = func() interface{} { return *v }
		case "duration":
			v := set.Duration(name, 0, "")
			read[name] = func() interface{} { return v.Nanoseconds() }
		case "ip":
			v := set.IP(name, nil, "")
			read[name] = func() interface{} { return v.String() }
		case "list":
			v := set.StringSlice(name, nil, "")
			read[name] = func() interface{} { return *v }
		case "strings":
			v := set.StringArray(name, nil, "")
			read[name] = func() interface{} { return *v }
		default:
			v := set.String(name, "", "")
			read[name] = func() interface{} { return *v }
		}
	}
	set.Int64P("v", "v", 0, "")
	a.Refused = set.Parse(q.Args) != nil
	a.Values = map[string]interface{}{}
	set.Visit(func(f *pflag.Flag) {
		if f.Name != "v" {
			a.Values[f.Name] = read[f.Name]()
		}
	})
	a.Rest = set.Args()
	return a
}

func withGo(q question) (a answer) {
	set := flag.NewFlagSet("x", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	read := map[string]func() interface{}{}
	for name, kind := range q.Types {
		switch kind {
		case "bool":
			v := set.Bool(name, false, "")
			read[name] = func() interface{} { return *v }
		case "uint":
			v := set.Uint64(name, 0, "")
			read[name] = func() interface{} { return *v }
		case "duration":
			v := set.Duration(name, 0, "")
			read[name] = func() interface{} { return v.Nanoseconds() }
		default:
			v := set.String(name, "", "")
			read[name] = func() interface{} { return *v }
		}
	}
	a.Refused = set.Parse(q.Args) != nil
	a.Values = map[string]interface{}{}
	set.Visit(func(f *flag.Flag) { a.Values[f.Name] = read[f.Name]() })
	a.Rest = set.Args()
	return a
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if json.Unmarshal(line, &q) != nil {
			return
		}
		if q.Style == "go" {
			_ = out.Encode(withGo(q))
		} else {
			_ = out.Encode(withPflag(q))
		}
	}
}
