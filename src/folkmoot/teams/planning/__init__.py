"""The orchestration `plan`: the lead plans, members work the steps, the reviewer judges, until a stop rule holds."""
