/** The CPU time that this process has used, in milliseconds. It does not grow while other processes have the machine. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
