import type { Reporter, TestModule } from 'vitest/node';

/** Ends the output with one line: `N passed, N failed`. A file that could not be run counts as a failed test. */
export default function summary(): Reporter {
  // A run that does not come to its end has failed.
  let passed = 0;
  let failed = 1;
  return {
    onInit() {
      process.once('exit', () => {
        process.stdout.write(`${passed} passed, ${failed} failed\n`);
        if (failed > 0 || passed === 0) process.exitCode ||= 1;
      });
    },
    onTestRunEnd(modules, errors) {
      const all = modules.map(count);
      passed = all.reduce((sum, one) => sum + one.passed, 0);
      failed = all.reduce((sum, one) => sum + one.failed, errors.length);
    },
  };
}

function count(module: TestModule): { passed: number; failed: number } {
  const results = [...module.children.allTests()].map((test) => test.result().state);
  const failed = results.filter((state) => state === 'failed').length;
  return {
    passed: results.filter((state) => state === 'passed').length,
    failed: failed === 0 && module.state() === 'failed' ? 1 : failed,
  };
}
