/**
 * `tfmc train FILE --data PATH`: a model and a text → a run folder.
 */
import type { Context } from "./context.js";
import type { ExitCode } from "./failure.js";
import type { AddCommand } from "./options.js";
import type { TrainOptions } from "./train-options.js";
import { describeTrain } from "./train-options.js";
import { planTraining, resumeTraining } from "./train-plan.js";
import { trainPlan } from "./training.js";

export const addTrain: AddCommand = (program, action) => {
  describeTrain(program).action(action(train));
};

async function train(context: Context, path: string | undefined, options: TrainOptions): Promise<ExitCode> {
  const plan =
    options.resume === undefined
      ? await planTraining(context, path, options)
      : await resumeTraining(context, options.resume, path, options);
  return plan ? trainPlan(context, plan) : 1;
}
