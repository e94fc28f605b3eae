/**
 * The body of one step → one Kernel.
 *
 * ```
 * contract(x [b=B, t=T, d=64], w [d=64, n=256]) + bias → contract, 8×8 elements an invocation, bias added before the store
 * ```
 *
 * ## What one body may hold (the fuse pass keeps these rules; `canLower` states them as code)
 *
 * 1. Leaves: `input` of kind fixed, scalar or turn; const, iota, length, random. Above them: maps, layout ops (broadcast,
 *    transpose, reshape, slice, pad, concat), gather, contract, reduce, scatter_add. No composite, region, get or table.
 * 2. At most 8 bindings: distinct places of `fixed` inputs, plus outputs that do not share a place with an input.
 * 3. A node is *pointwise* when no contract, reduce or scatter_add lies in its cone. Pointwise nodes may be anywhere in any
 *    family; each use under another index computes them again, so only cheap ones belong under a broadcast or a contract.
 * 4. The family follows from the heavy ops of the body:
 *    - **pointwise** (none): all outputs have equal sizes.
 *    - **rows** (reduce, any number): all reduces have operands of the same sizes S and the same `axes` R. Every node that depends on a
 *      reduce is a map, a reduce as above, or a broadcast from sizes S∖R to sizes S whose `from` names the kept axes in order
 *      (−1 at R). Outputs have sizes S or S∖R, pointwise ones included.
 *    - **contract** (exactly one contract, nothing else heavy): its operands are pointwise. Every node that depends on it is a map of the
 *      contract's sizes. All outputs have those sizes.
 *    - **scatter** (exactly one scatter_add, nothing else heavy): its operands are pointwise and it is the only output.
 * 5. In place: an output may take the place of an input when every use of that input on the way to every output is through maps alone
 *    (in rows: also through reduce and broadcasts back, as in softmax), has the output's sizes, and in contract happens after the
 *    contract. Not in scatter. Otherwise `lower` throws.
 *
 * Costs: one invocation per row in rows, so split one large reduction into two stages by a reshape; maps below a contract
 * run once per tile that reads them.
 */
