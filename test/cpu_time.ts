/** How long something takes this process, whatever else the machine is doing. Result: milliseconds of CPU time. */
export function cpuTime(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
