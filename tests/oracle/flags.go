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
	"time"

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

// common is what both packages have.
type common interface {
	Bool(name string, value bool, usage string) *bool
	Uint64(name string, value uint64, usage string) *uint64
	Duration(name string, value time.Duration, usage string) *time.Duration
	String(name string, value string, usage string) *string
	SetOutput(output io.Writer)
	Parse(args []string) error
	Args() []string
}

// define makes a flag of a type that both packages have, and returns what reads its value.
func define(set common, name string, kind string) func() interface{} {
	switch kind {
	case "bool":
		v := set.Bool(name, false, "")
		return func() interface{} { return *v }
	case "uint":
		v := set.Uint64(name, 0, "")
		return func() interface{} { return *v }
	case "duration":
		v := set.Duration(name, 0, "")
		return func() interface{} { return v.Nanoseconds() }
	}
	v := set.String(name, "", "")
	return func() interface{} { return *v }
}

// parse reads the arguments; visit calls what it is given for each flag that is in them.
func parse(set common, q question, read map[string]func() interface{}, visit func(func(string))) (a answer) {
	set.SetOutput(io.Discard)
	a.Refused = set.Parse(q.Args) != nil
	a.Values = map[string]interface{}{}
	visit(func(name string) {
		if value, known := read[name]; known {
			a.Values[name] = value()
		}
	})
	a.Rest = set.Args()
	return a
}

func withPflag(q question) answer {
	set := pflag.NewFlagSet("x", pflag.ContinueOnError)
	read := map[string]func() interface{}{}
	for name, kind := range q.Types {
		switch kind {
		case "int":
			v := set.Int64(name, 0, "")
			read[name] = func() interface{} { return *v }
		case "int32":
			v := set.Int32(name, 0, "")
			read[name] = func() interface{} { return *v }
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
			read[name] = define(set, name, kind)
		}
	}
	set.Int64P("v", "v", 0, "")
	return parse(set, q, read, func(take func(string)) { set.Visit(func(f *pflag.Flag) { take(f.Name) }) })
}

func withGo(q question) answer {
	set := flag.NewFlagSet("x", flag.ContinueOnError)
	read := map[string]func() interface{}{}
	for name, kind := range q.Types {
		read[name] = define(set, name, kind)
	}
	return parse(set, q, read, func(take func(string)) { set.Visit(func(f *flag.Flag) { take(f.Name) }) })
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
