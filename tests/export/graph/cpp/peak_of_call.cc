// Loads a version, makes one call of one signature as TensorFlow Serving would, and prints what came
// of it and the most memory that the process ever held: CODE PEAK_KB MESSAGE.
//
//   peak_of_call VERSION SIGNATURE TYPE DIMS FILE
//
// TYPE: uint8, float or string. DIMS: numbers and commas. FILE: raw values, or, of strings, the one
// picture that all elements are.

#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace tensorflow {
void DisableXlaCompilation();  // as in serve_once.cc
}  // namespace tensorflow

namespace tf = tensorflow;

long PeakKilobytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmHWM:") break;
  }
  long kilobytes = 0;
  status >> kilobytes;
  return kilobytes;
}

tf::TensorShape Shape(const std::string& dims) {
  tf::TensorShape shape;
  std::istringstream numbers(dims);
  for (std::string one; std::getline(numbers, one, ',');) shape.AddDim(std::stoll(one));
  return shape;
}

tf::Tensor Input(const std::string& type, const tf::TensorShape& shape, const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (type == "string") {
    const std::string picture{std::istreambuf_iterator<char>(file), {}};
    tf::Tensor files(tf::DT_STRING, shape);
    for (tf::int64 i = 0; i < files.NumElements(); ++i) files.flat<tf::tstring>()(i) = picture;
    return files;
  }
  tf::Tensor values(type == "uint8" ? tf::DT_UINT8 : tf::DT_FLOAT, shape);
  file.read(const_cast<char*>(values.tensor_data().data()), values.TotalBytes());
  return values;
}

int main(int argc, char** argv) {
  if (argc != 6) return 100;
  tf::DisableXlaCompilation();
  tf::SavedModelBundle bundle;
  const auto loaded =
      tf::LoadSavedModel(tf::SessionOptions(), tf::RunOptions(), argv[1], {"serve"}, &bundle);
  if (!loaded.ok()) {
    std::cerr << loaded.ToString() << std::endl;
    return 101;
  }
  const auto& signature = bundle.GetSignatures().at(argv[2]);
  std::vector<std::string> fetches;
  for (const auto& [name, info] : signature.outputs()) fetches.push_back(info.name());
  std::vector<tf::Tensor> values;
  const auto status = bundle.GetSession()->Run(
      {{signature.inputs().begin()->second.name(), Input(argv[3], Shape(argv[4]), argv[5])}},
      fetches, {}, &values);
  std::cout << static_cast<int>(status.code()) << " " << PeakKilobytes() << " "
            << status.message() << std::endl;
  return 0;
}
