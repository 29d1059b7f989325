// Copyright (c) 2026, rke.cis contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// readers.cjs HOW FILE...: what a library of HOW reads in each file, as JSON: {file: ...}.

const fs = require("fs");
const path = require("path");

let saf;

const readers = {
  // As STIG Manager imports a file, with the options that keep the most.
  stig(text, file) {
    const { reviewsFromXccdf } = require("@nuwcdivnpt/stig-manager-client-modules");
    const field = { enabled: "always", required: "always" };
    return reviewsFromXccdf({
      data: text,
      sourceRef: file,
      fieldSettings: { detail: field, comment: field },
      allowAccept: false,
      importOptions: {
        autoStatus: { fail: "saved", pass: "saved", notapplicable: "saved" },
        unreviewed: "always",
        unreviewedCommented: "informational",
        emptyDetail: "import",
        emptyComment: "import",
        allowCustom: true,
      },
      scapBenchmarkMap: new Map(),
    });
  },

  // As `saf convert xccdf_results2hdf` does.
  xccdf2hdf(text) {
    const { XCCDFResultsMapper } = require("@mitre/hdf-converters");
    return statuses(new XCCDFResultsMapper(text).toHdf());
  },

  ohdf(text) {
    return statuses(JSON.parse(text));
  },

  // Whether `saf validate threshold` takes the report beside a file of thresholds.
  async threshold(_text, file) {
    const { default: Threshold } = require("@mitre/saf/lib/commands/validate/threshold");
    console.log = console.error = () => {};
    process.exitCode = 0;
    saf ??= await require("@oclif/core").Config.load(path.dirname(require.resolve("@mitre/saf/package.json")));
    await Threshold.run(["-i", path.join(path.dirname(file), "report.ohdf.json"), "-T", file], saf);
    return process.exitCode === 0;
  },
};

// Return control to the status that Heimdall computes.
function statuses(hdf) {
  const { convertFile, contextualizeEvaluation } = require("inspecjs");
  const evaluation = convertFile(JSON.stringify(hdf), true)["1_0_ExecJson"];
  const found = {};
  for (const profile of contextualizeEvaluation(evaluation).contains) {
    for (const control of profile.contains) {
      const { status, severity, rawNistTags, finding_details } = control.hdf;
      found[control.data.id] = { status, severity, nist: rawNistTags, text: finding_details };
    }
  }
  return found;
}

async function main(how, ...files) {
  const found = {};
  for (const file of files) {
    found[file] = await readers[how](fs.readFileSync(file, "utf8"), file);
  }
  process.exitCode = 0;
  process.stdout.write(JSON.stringify(found));
}

main(...process.argv.splice(2)); // saf would look for its own words in them
