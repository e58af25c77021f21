/** Asking the program itself: what it says counts, not a pattern in a form. */
import type { T } from '@start9labs/start-sdk'
import { renderConfig } from './config'
import { storeFile, type Store } from './fileModels/store'
import { i18n } from './i18n'
import { data, files } from './places'
import { replace } from './replace'
import { sdk } from './sdk'

/** Where its own volume is, in every container of ours. */
export const ownMount = {
  volumeId: 'main',
  subpath: null,
  mountpoint: data,
  readonly: false,
} as const

/**
 * The program. Root: all containers map users alike, and Bitcoin's socket is for its own root
 * alone.
 */
export const program = '/usr/bin/punchbowl'
export const user = 'root'

/** What `punchbowl check-config --json` says. */
type Verdict = {
  good: boolean
  problems: { key: string; what: string; remedy: string }[]
  blocks_pay: string | null
}

/** Runs the program with these arguments to its end. */
export async function run(
  effects: T.Effects,
  args: string[],
  input?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return sdk.SubContainer.withTemp(
    effects,
    { imageId: 'node' },
    sdk.Mounts.of().mountVolume(ownMount),
    'ask',
    async container => {
      const { exitCode, stdout, stderr } = await container.exec(
        [program, ...args],
        { user, ...(input !== undefined && { input }) },
      )
      return {
        code: exitCode,
        stdout: stdout.toString(),
        stderr: stderr.toString(),
      }
    },
  )
}

/**
 * Whom blocks would pay with this store.
 *
 * @throws in words for the host, when the pool would not start with it.
 */
export async function check(effects: T.Effects, store: Store): Promise<string> {
  await replace(files.candidate, renderConfig(store))
  const { stdout, stderr } = await run(effects, [
    'check-config',
    '--config',
    `${data}/${files.candidate}`,
    '--json',
  ])
  const verdict = readVerdict(stdout)
  if (verdict === null) {
    throw new Error(
      i18n('Punchbowl could not check this: ${error}', {
        error: stderr.trim() || stdout.trim(),
      }),
    )
  }
  if (!verdict.good) {
    throw new Error(
      verdict.problems
        .map(({ key, what, remedy }) => `${key}: ${what}. → ${remedy}`)
        .join('\n'),
    )
  }
  return verdict.blocks_pay ?? ''
}

/**
 * Saves the store, if the pool would start with it. A running pool then starts again by
 * itself, as main watches the file.
 */
export async function save(effects: T.Effects, store: Store): Promise<string> {
  const pays = await check(effects, store)
  await storeFile.write(effects, store)
  return pays
}

function readVerdict(text: string): Verdict | null {
  try {
    return JSON.parse(text) as Verdict
  } catch {
    return null
  }
}
