#!/bin/bash
set -x
export VLLM_ATTENTION_BACKEND=XFORMERS

python3 -m verl.trainer.main_ppo \
    algorithm.adv_estimator=grpo \
    data.train_files=$HOME/data/gsm8k/train.parquet \
    actor_rollout_ref.model.path=deepseek-ai/deepseek-llm-7b-chat \
    actor_rollout_ref.actor.optim.lr=1e-6 \
    reward_model.enable=True \
    reward_model.model.path=Skywork/Skywork-Reward-Llama-3.1-8B \
    trainer.logger=['console','wandb'] \
    trainer.project_name=acme/grpo $@

