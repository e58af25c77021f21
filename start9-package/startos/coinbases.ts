/** What the running pool mines on, output by output, as its own API decodes it from the jobs. */
import { z } from '@start9labs/start-sdk'
import { ports } from './places'

const shape = z.array(
  z.looseObject({
    /** For whom: a class of firmware, or a member. */
    class: z.string(),
    outputs: z.array(
      z.looseObject({
        /** Satoshi. */
        value: z.number(),
        address: z.string().nullable().catch(null),
        owner: z.string().nullable().catch(null),
        why: z.string().catch(''),
      }),
    ),
  }),
)

export type Coinbase = z.infer<typeof shape>[number]

const PATIENCE_MILLISECONDS = 5_000

/** None where the pool does not answer: the action then shows what else is known. */
export async function coinbases(): Promise<Coinbase[]> {
  try {
    const answer = await fetch(
      `http://127.0.0.1:${ports.http}/api/v1/coinbase`,
      { signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) },
    )
    return shape.parse(await answer.json())
  } catch {
    return []
  }
}
