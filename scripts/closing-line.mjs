// A reporter of jest: the run's last line is `N passed, N failed`, whatever else was printed.
import { writeSync } from 'node:fs';

export default class ClosingLine {
  onRunComplete(_contexts, result) {
    // A file that does not even load has no test to fail; it fails as one.
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    const skipped = result.numPendingTests + result.numTodoTests;
    const line = `${result.numPassedTests} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
    process.once('exit', (code) => {
      // Jest found something wrong that no test stands for, as an interrupted run: that must not look like success.
      const why = failed === 0 && code !== 0 ? `The run ended with exit code ${code}.\n` : '';
      writeSync(1, why === '' ? `\n${line}\n` : `\n${why}`);
    });
  }
}
